"""All or nothing: a tree is staged beside its place and swapped in when it has been proven."""

from __future__ import annotations

import ctypes
import difflib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from waf_builder import __version__
from waf_builder.config.model import Config
from waf_builder.errors import WafBuilderError

STAMP = "waf-builder.json"
"""The file by which a rendered tree is known; a folder without it is never replaced."""

RULES_FOLDER = "modsecurity/crs"
"""Where a tree has its compiled rules."""

MANIFEST = f"{RULES_FOLDER}/compiled.json"
"""What the compiler did to each of them."""

SCREENS = "modsecurity/screens.conf"
"""What asks, before all of them, whether one of them could match."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""From Linux's fcntl.h and fs.h; see renameat2(2)."""

NOT_RENDERED = ("engine", "runtime")
"""What a tree holds besides: links to the machine's engine, and what boot fills in."""


def stamp(config: Config, tree: Mapping[str, str]) -> str:
    """Return the text of the stamp: who made the tree, for what, and the digest of each file."""
    labels = {location.label for server in config.servers for location in server.locations}
    routes = f"{len(labels)} route{'' if len(labels) == 1 else 's'}"
    mode = {"On": "block", "DetectionOnly": "detect", "Off": "off"}[config.policy.engine]
    summary = f"waf-builder {__version__}, {config.target}, mode {mode}, {routes}"
    content = {
        "made_by": "waf-builder",
        "version": __version__,
        "summary": summary,
        "nginx": str(config.target.nginx),
        "modsecurity": str(config.target.modsecurity),
        "connector": str(config.target.connector),
        "crs": str(config.target.crs),
        # Bytes. start-waf reads it with sed, as it does the summary.
        "max_body": inspected_body(config),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in tree.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def inspected_body(config: Config) -> int:
    """Return the size in bytes of the largest body that any route inspects; 0 if none does."""
    sizes = [
        location.max_body or config.max_body
        for server in config.servers
        for location in server.locations
        if location.mode != "off"
    ]
    return max(sizes, default=0)


def write_tree(tree: Mapping[str, str], folder: Path) -> None:
    """Write every file of tree below folder."""
    for parent in {(folder / name).parent for name in tree}:
        parent.mkdir(parents=True, exist_ok=True)
    for name, text in tree.items():
        (folder / name).write_text(text, encoding="utf-8")


@contextmanager
def staged(tree: Mapping[str, str], target: Path | None = None) -> Iterator[Path]:
    """Write tree into a fresh folder beside target and yield it; it is gone afterwards.

    Beside target, so that the swap is a rename within one file system; without a target, among
    the temporary files. Raises WafBuilderError when it cannot be written.
    """
    if target is not None:
        require_replaceable(target)
    place = Path(os.path.abspath(target)) if target is not None else None  # noqa: PTH100
    holder = None
    try:
        try:
            holder = _make_holder(place)
            folder = holder / (place.name if place else "waf")
            folder.mkdir()
            write_tree(tree, folder)
        except OSError as error:
            where = target or tempfile.gettempdir()
            raise WafBuilderError(f"{where} cannot be written: {error.strerror}") from error
        yield folder
    finally:
        if holder is not None:
            shutil.rmtree(holder, ignore_errors=True)


def _make_holder(target: Path | None) -> Path:
    if target is None:
        return Path(tempfile.mkdtemp(prefix="waf-builder."))
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))


def publish(folder: Path, target: Path) -> None:
    """Swap a staged tree into place; until then the old one stays, and a crash loses neither.

    Raises WafBuilderError when it cannot be swapped.
    """
    place = Path(os.path.abspath(target))  # noqa: PTH100 (`.` cannot be renamed)
    try:
        if not place.exists():
            folder.rename(place)
        elif not _exchanged(folder, place):
            _replace(folder, place)
    except OSError as error:
        raise WafBuilderError(f"{target} cannot be replaced: {error.strerror}") from error


def _replace(folder: Path, place: Path) -> None:
    previous = folder.with_name(f"{place.name}.previous")
    try:
        place.rename(previous)
        folder.rename(place)
    except BaseException:  # Ctrl-C between the two must not cost the old tree either
        if previous.exists() and not place.exists():
            previous.rename(place)
        raise


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step, where the system can; there is no moment with neither."""
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    paths = (_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), _RENAME_EXCHANGE)
    return renameat2 is not None and renameat2(*paths) == 0


def require_replaceable(target: Path) -> None:
    """Raise WafBuilderError when target is there and is not a rendered tree, or an empty folder."""
    try:
        _require_replaceable(target)
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise WafBuilderError(f"{target} cannot be written: {error.strerror}") from error


def _require_replaceable(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WafBuilderError(f"{target} is not a folder\n    Give -o a folder, or a new name.")
    if target.is_dir() and not (target / STAMP).is_file() and any(target.iterdir()):
        raise WafBuilderError(
            f"{target} was not made by waf-builder (it has no {STAMP}), so it is left alone\n"
            "    Give -o another folder, or remove this one yourself."
        )


def read_tree(folder: Path) -> dict[str, str]:
    """Return the rendered files of a published tree; empty where there is none.

    Raises WafBuilderError for a folder that holds something else.
    """
    if not folder.is_dir():
        return {}
    if not (folder / STAMP).is_file() and any(folder.iterdir()):
        raise WafBuilderError(
            f"{folder} was not made by waf-builder (it has no {STAMP})\n"
            "    Give --diff a folder that `waf-builder render SPEC -o DIR` made."
        )
    return {
        name: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and (name := path.relative_to(folder).as_posix()).split("/")[0] not in NOT_RENDERED
    }


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Return a unified diff of two trees without their stamps; empty when they are the same."""
    lines: list[str] = []
    for name in sorted((old.keys() | new.keys()) - {STAMP}):
        lines += difflib.unified_diff(
            old.get(name, "").splitlines(keepends=True),
            new.get(name, "").splitlines(keepends=True),
            f"a/{name}" if name in old else "/dev/null",
            f"b/{name}" if name in new else "/dev/null",
        )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
