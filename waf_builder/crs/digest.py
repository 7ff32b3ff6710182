"""What a Core Rule Set says, as one number: the same for a release, however it was packed."""

from __future__ import annotations

import hashlib
from pathlib import Path

_RULES = (".conf", ".data")
SETUP = "crs-setup.conf.example"


def content_digest(folder: Path) -> str:
    """Return `sha256:<hex>` of the rule set in folder, the one that holds `rules/`.

    It is the SHA-256 of a list as sha256sum prints it, a line `<hex>  <path>` for each of
    rules/*.conf, rules/*.data, crs-setup.conf.example and every file below plugins/, in the order
    of the paths' bytes. In a shell, in that folder:

        find rules plugins crs-setup.conf.example -type f 2>/dev/null |
        grep -E '^rules/[^/]+[.](conf|data)$|^plugins/|^crs-setup' |
        LC_ALL=C sort | xargs sha256sum | sha256sum

    A forge makes its archives anew from time to time, with other bytes around the same files, so
    the archive's own digest would not do.
    """
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in content_of(folder)]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def content_of(folder: Path) -> list[str]:
    """Return the files that a rule set consists of, by their paths below folder, in order."""
    found = [path for path in (folder / "rules").iterdir() if path.suffix in _RULES]
    found += (folder / "plugins").rglob("*")
    found.append(folder / SETUP)
    names = [path.relative_to(folder).as_posix() for path in found if path.is_file()]
    return sorted(names, key=str.encode)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
