"""waf-builder's own commands in a deployed app, such as `waf-builder doctor` where it runs."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path

import waf_builder

ARCHIVE = "waf-builder.tgz"
"""In the app's folder of the WAF. Packed, since nothing of it is needed to start the WAF."""

COMMAND = """\
#!/bin/sh
# Runs waf-builder's own commands, as `waf-builder doctor`; made by waf-builder. The libraries
# that they need are got the first time, and kept in this user's cache.
set -eu
unset CDPATH LD_LIBRARY_PATH # another buildpack's libraries are not for these programs
here=$(cd -P -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
own=$(mktemp -d "${TMPDIR:-/tmp}/waf-builder.XXXXXX")
trap 'rm -rf -- "$own"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tar -xzf "$here/waf-builder.tgz" -C "$own"
"$own/bin/waf-builder" "$@"
"""

_ROOT = Path(waf_builder.__file__).resolve().parents[1]
_PARTS = (
    "LICENSE",
    "bin",
    "buildpack/bin",
    "buildpack/lib",
    "buildpack/requirements.txt",
    "buildpack/runtime",
    "templates",
    "waf_builder",
)


def pack_commands(archive: Path) -> None:
    """Write this waf-builder into an archive, with the same bytes each time."""
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in _files():
            # Neither who deploys nor when is part of what is deployed.
            member = tarfile.TarInfo(path.relative_to(_ROOT).as_posix())
            if path.is_symlink():
                member.type = tarfile.SYMTYPE
                member.linkname = str(path.readlink())
                tar.addfile(member)
                continue
            member.size = path.stat().st_size
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)


def _files() -> Iterator[Path]:
    for part in _PARTS:
        path = _ROOT / part
        below = [] if path.is_symlink() else sorted(path.rglob("*"))
        for file in below or [path]:
            kept = "__pycache__" not in file.parts and (file.is_symlink() or file.is_file())
            if kept and file.suffix != ".pyc":
                yield file
