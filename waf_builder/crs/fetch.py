"""Get one release of the Core Rule Set, verified by what is in it, and keep it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from waf_builder.archive import ArchiveError, unpack
from waf_builder.crs.digest import SETUP, content_digest
from waf_builder.crs.installed import InstalledCrs, crs_in
from waf_builder.download import DownloadError, download
from waf_builder.errors import EngineError
from waf_builder.progress import Progress
from waf_builder.version import Version

RELEASES = "https://github.com/coreruleset/coreruleset/archive/refs/tags"
"""Where the project's archives are, `vX.Y.Z.tar.gz`; `$WAF_BUILDER_CRS_URL` names a mirror."""
URL_SETTING = "WAF_BUILDER_CRS_URL"

_KEPT = ("rules", "plugins")
_KEPT_FILES = (SETUP, "LICENSE")
_STAGING = ".staging-"
_MAX_BYTES = 32 * 1024**2
"""A release has some 600 KB packed and 5 MB unpacked."""


def release(
    version: Version,
    digest: str,
    folder: Path,
    progress: Progress,
    *,
    source: str | None = None,
) -> InstalledCrs:
    """Return a release whose content has this digest, kept in folder; got if it is not there.

    WafBuilderError when it cannot be had, or holds something else.
    """
    if (here := kept(version, digest, folder)) is not None:
        return here
    base = (source or os.environ.get(URL_SETTING) or RELEASES).rstrip("/")
    url = f"{base}/v{version}.tar.gz"
    progress(f"getting the Core Rule Set {version} from {url}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as name:
            archive = Path(name) / "archive.tar.gz"
            download(url, archive, progress=progress, max_bytes=_MAX_BYTES)
            unpacked = Path(name) / "unpacked"
            unpacked.mkdir()
            unpack(archive, unpacked, _place, max_bytes=4 * _MAX_BYTES)
            _require_content(url, unpacked, version, digest)
            _publish(unpacked, _home(version, digest, folder))
    except OSError as error:
        raise EngineError(f"cannot keep the Core Rule Set in {folder}: {error}") from error
    return InstalledCrs(_home(version, digest, folder), version)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time get a release; also clears what a kill left."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{_STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def kept(version: Version, digest: str, folder: Path) -> InstalledCrs | None:
    """Return a release that folder holds, whole and with this digest; None if it does not."""
    home = _home(version, digest, folder)
    try:
        return InstalledCrs(home, version) if content_digest(home) == digest else None
    except OSError:
        return None


def _home(version: Version, digest: str, folder: Path) -> Path:
    return folder / f"{version}-{digest.partition(':')[2][:12]}"


def _publish(unpacked: Path, home: Path) -> None:
    unpacked.chmod(0o755)
    if home.exists():  # damaged, or just made by another process
        shutil.rmtree(home)
    unpacked.rename(home)


def _place(name: PurePosixPath) -> PurePosixPath | None:
    """Return where a file of the archive goes: without the folder that everything is in."""
    below = PurePosixPath(*name.parts[1:])
    if str(below) in _KEPT_FILES or (below.parts[:1] and below.parts[0] in _KEPT):
        return below
    return None


def _require_content(url: str, unpacked: Path, version: Version, digest: str) -> None:
    found = crs_in(unpacked)
    if found is None:
        raise ArchiveError(f"{url} holds no Core Rule Set")
    if found.version != version:
        raise ArchiveError(f"{url} holds the Core Rule Set {found.version}, expected {version}")
    content = content_digest(unpacked)
    if content != digest:
        raise DownloadError(
            f"{url} is not the Core Rule Set {version} that is pinned: the digest of its files is"
            f" {content}, expected {digest}\n"
            "    It was changed at its source or on the way here, so it is not used."
        )
