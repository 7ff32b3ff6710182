"""How often Python looks for objects that only refer to each other."""

from __future__ import annotations

import atexit
import gc

_OBJECTS = 200_000


def look_seldom() -> None:
    """Let this process look after many new objects, not after Python's few hundred.

    A render makes a hundred and fifty thousand objects that all live to its end, and looking
    through them again and again took a fifth of its time. Nor are they looked through once more
    when the process ends, which frees them anyway. For programs, not for a library that is used
    in one.
    """
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
