"""Get an engine by apt, without root and without installing anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from waf_builder.errors import EngineError


def get(progress: Callable[[str], None]) -> Path:
    """Return the root of an engine got by apt."""
    progress("apt")
    raise EngineError("no engine by apt yet")
