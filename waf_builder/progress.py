"""How a long step says what it is about: a line for people, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""
