"""Which tests stay together in one process, so that what they share is made once."""

from __future__ import annotations

import pytest


def engine_of(item: pytest.Item) -> str:
    """Return which engine a test runs, `old` or `new`; empty when none."""
    names = getattr(item, "fixturenames", ())
    if not any("engine" in name for name in names):
        return ""
    callspec = getattr(item, "callspec", None)
    chosen = str(callspec.params.get("engine", "")) if callspec else ""
    return "new" if "new" in chosen or "engine_new" in names else "old"


def by_file_and_engine(item: pytest.Item) -> pytest.MarkDecorator:
    """Return the mark that keeps the tests of one file and engine together."""
    return pytest.mark.xdist_group(f"{item.path.stem}-{engine_of(item)}")
