"""Which archives a platform's engine is made of, and how its root remembers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from waf_builder.version import Version

_LISTING = "archives.txt"
"""In an engine's root: its stack, and the archives it was made of with MD5 and SHA-256."""


@dataclass(frozen=True)
class Versions:
    """Which archives; nginx's holds the connector too."""

    nginx: Version
    modsecurity: Version

    def archives(self) -> tuple[str, str]:
        """Return the names of the two archives."""
        return f"nginx-{self.nginx}.tgz", f"modsecurity-{self.modsecurity}.tgz"


DEFAULT = Versions(nginx=Version(1, 30, 4), modsecurity=Version(3, 0, 16))
"""What Scalingo's buildpack takes (its config/versions.sh); the connector in it is 1.0.4."""


@dataclass(frozen=True)
class Digests:
    """What an archive is known by: two hexadecimal numbers."""

    md5: str
    sha256: str


def archives_of(root: Path) -> dict[str, str]:
    """Return the archives that an engine was made of and their `sha256:<hex>`.

    Empty for an engine from elsewhere.
    """
    return {name: f"sha256:{digests.sha256}" for name, digests in listed(root).items()}


def stack_of(root: Path) -> str | None:
    """Return the stack that a platform's engine is for; None for an engine from elsewhere."""
    for words in _listing(root):
        if words[0] == "stack":
            return words[1]
    return None


def write_listing(root: Path, stack: str, archives: Mapping[str, Digests]) -> None:
    """Leave in an engine's root what it was made of."""
    lines = [f"stack {stack}\n"]
    lines += [f"{name} {one.md5} {one.sha256}\n" for name, one in archives.items()]
    (root / _LISTING).write_text("".join(lines), encoding="utf-8")


def listed(root: Path) -> dict[str, Digests]:
    """Return what a platform's engine was made of; empty for an engine from elsewhere."""
    archives = [words for words in _listing(root) if words[0] != "stack"]
    return {words[0]: Digests(words[1], words[2]) for words in archives}


def _listing(root: Path) -> list[list[str]]:
    """Return the words of each line; nothing when there is no listing, or a damaged one."""
    try:
        text = (root / _LISTING).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    lines = [line.split() for line in text.splitlines()]
    return lines if [len(words) for words in lines] == [2, 3, 3] else []
