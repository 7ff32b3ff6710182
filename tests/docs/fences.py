"""Fenced blocks of a Markdown file, with the words after the language as markers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """One block: its language, its markers (`status=1` or a word alone) and its text.

    What the markers mean is in CONTRIBUTING.md, "Documents".
    """

    file: Path
    line: int
    language: str
    markers: dict[str, str] = field(hash=False)
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Return every Markdown file that people read."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted(found)


def fences(file: Path, *languages: str) -> Iterator[Fence]:
    """Yield the blocks of a file, of these languages or of all."""
    text = file.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        language, *words = found["info"].split() or [""]
        if not languages or language in languages:
            markers = dict(word.partition("=")[::2] for word in words)
            line = text.count("\n", 0, found.start()) + 1
            yield Fence(file, line, language, markers, found["text"])
