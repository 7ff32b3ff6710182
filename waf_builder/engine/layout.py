"""Where the parts of an engine lie below its root, in any Linux distribution's layout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from waf_builder.errors import EngineError

NGINX = Path("usr/sbin/nginx")
MODULE = "ngx_http_modsecurity_module.so"
JEMALLOC = "libjemalloc.so.2"
"""A memory allocator, among the engine's own libraries where it came with one."""

_LIBRARY_FOLDERS = (
    "usr/lib/*-linux-gnu*",  # Debian: the triplet of the architecture
    "lib/*-linux-gnu*",
    "usr/lib64",  # Fedora, openSUSE
    "lib64",
    "usr/lib",
    "lib",
)
_LOADERS = ("ld-linux*.so.*", "ld64.so.*")
UNICODE_MAPS = (
    "etc/nginx/unicode.mapping",
    "usr/share/nginx/docs/modsecurity/unicode.mapping",
    "etc/modsecurity/unicode.mapping",
)


def library_path(root: Path) -> tuple[Path, ...]:
    """Return the folders below root that hold shared libraries, the likeliest first."""
    folders = (folder for pattern in _LIBRARY_FOLDERS for folder in sorted(root.glob(pattern)))
    found = tuple(folder for folder in folders if any(folder.glob("*.so*")))
    for folder in found:
        # ld.so(8): both separators split the list, and `$` starts a token such as $ORIGIN.
        if set(str(folder)) & set(":;$"):
            raise EngineError(
                f"the engine folder {root} cannot be used:"
                " its name holds one of `:`, `;`, `$`, which the dynamic loader would read\n"
                "    Move it to a folder without them."
            )
    return found


def allocator(folders: Iterable[Path]) -> Path | None:
    """Return jemalloc in the first of these folders that holds it."""
    return next((folder / JEMALLOC for folder in folders if (folder / JEMALLOC).is_file()), None)


def loader(root: Path) -> Path | None:
    """Return root's own dynamic loader, or None when it relies on the machine's."""
    for folder in _LIBRARY_FOLDERS:
        for pattern in _LOADERS:
            for found in sorted(root.glob(f"{folder}/{pattern}")):
                # An absolute link in an unpacked package points to the machine's own.
                if found.is_file() and found.resolve().is_relative_to(root.resolve()):
                    return found
    return None


def unicode_map(root: Path) -> Path | None:
    """Return the `unicode.mapping` that came with libmodsecurity or its connector."""
    for name in UNICODE_MAPS:
        if (root / name).is_file():
            return root / name
    return None
