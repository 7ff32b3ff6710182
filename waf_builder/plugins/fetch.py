"""Get a plugin from a URL, verified by what is in it, and keep it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from waf_builder.errors import WafBuilderError
from waf_builder.plugins.files import INNER, KINDS, PluginFiles, read_plugin
from waf_builder.problem import Problem
from waf_builder.progress import Progress

_MAX_BYTES = 16 * 1024**2
"""The largest official plugin has 100 KB."""


def pinned(sha256: str, folders: Iterable[Path]) -> PluginFiles | None:
    """Return the plugin with this digest from the first folder that holds it, None if none does."""
    for folder in folders:
        if folder.is_dir():
            files, problems = read_plugin(folder)
            if not problems and files.digest == sha256:
                return files
    return None


def get(url: str, cache: Path, progress: Progress) -> tuple[PluginFiles, list[Problem]]:
    """Download a plugin and keep it below cache, by its digest; return it and its problems.

    WafBuilderError when it cannot be had, is damaged, or cannot be kept.
    """
    from waf_builder.archive import unpack
    from waf_builder.download import download

    progress(f"getting the plugin from {url}")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=cache) as name:
            archive, unpacked = Path(name) / "archive.tar.gz", Path(name) / "unpacked"
            download(url, archive, progress=progress, max_bytes=_MAX_BYTES)
            unpacked.mkdir()
            unpack(archive, unpacked, _place, max_bytes=4 * _MAX_BYTES)
            files, problems = read_plugin(unpacked)
            home = kept_in(cache, files.digest)
            if not home.exists():
                unpacked.rename(home)
            elif not problems:  # damaged, or made by another process in the meantime
                shutil.rmtree(home)
                unpacked.rename(home)
            return read_plugin(home)
    except OSError as error:
        raise WafBuilderError(f"cannot keep the plugin in {cache}: {error.strerror}") from error


def kept_in(cache: Path, sha256: str) -> Path:
    """Return where a plugin with this digest is kept."""
    return cache / sha256[:16]


def _place(name: PurePosixPath) -> PurePosixPath | None:
    """Return where a file of the archive goes: those of its `plugins/`, and nothing besides."""
    if name.suffix in KINDS and name.parent.name == INNER:
        return PurePosixPath(name.name)
    return None
