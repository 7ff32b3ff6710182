"""Cases that are text files: a configuration, a line of dashes, what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
TREE = FOLDER / "tree"
"""A small rendered tree that every engine takes."""

_CUT = "----------\n"


@dataclass(frozen=True)
class Case:
    """A configuration and what a check says of it."""

    name: str
    given: str
    expected: str


def cases(room: str) -> list[Case]:
    """Return the cases in the folder of one check."""
    found = []
    for file in sorted((FOLDER / room).glob("*.txt")):
        given, _, expected = file.read_text(encoding="utf-8").partition(_CUT)
        found.append(Case(file.stem, given, expected))
    assert found, f"no cases for {room}"
    return found


def write(tree: Path, files: dict[str, str]) -> Path:
    """Write files below tree."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    return tree
