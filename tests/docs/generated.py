"""Parts of pages that are written from the code: `make docs` writes them, a test compares."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .commands import command_reference, summaries
from .fences import ROOT
from .presets import preset_blocks
from .problems import problem_tables
from .spec import content_types, spec_tables

PARTS: dict[str, Callable[[], str]] = {
    "spec": spec_tables,
    "content types": content_types,
    "problems": problem_tables,
    "commands": command_reference,
    "summaries": summaries,
    "presets": preset_blocks,
}

_PART = re.compile(
    r"(?P<start><!-- made by `make docs`: (?P<name>[a-z ]+) -->\n)"
    r".*?"
    r"(?P<end><!-- end -->\n)",
    re.DOTALL,
)


def with_generated_parts(text: str) -> str:
    """Return a page with what the code says now between its marks."""

    def fresh(found: re.Match[str]) -> str:
        return f"{found['start']}\n{PARTS[found['name']]()}\n{found['end']}"

    return _PART.sub(fresh, text)


def pages() -> list[Path]:
    """Return the pages that have generated parts."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [file for file in files if _PART.search(file.read_text(encoding="utf-8"))]
