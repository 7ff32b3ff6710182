"""Cases that are text files: a configuration, a line of dashes, what is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
TREE = FOLDER / "tree"
"""A small rendered tree that every engine takes."""

_CUT = re.compile(r"^-{10}(?: .*)?\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """A configuration and what a check says of it.

    expected: more than one where versions of a tool differ, each after dashes that name one.
    """

    name: str
    given: str
    expected: tuple[str, ...]


def cases(room: str) -> list[Case]:
    """Return the cases in the folder of one check."""
    found = []
    for file in sorted((FOLDER / room).glob("*.txt")):
        given, *expected = _CUT.split(file.read_text(encoding="utf-8"))
        found.append(Case(file.stem, given, tuple(expected)))
    assert found, f"no cases for {room}"
    return found


def write(tree: Path, files: dict[str, str]) -> Path:
    """Write files below tree."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    return tree
