"""Which file each shared library of a program comes from."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from waf_builder.engine.model import Start
from waf_builder.errors import EngineError

_RESOLVED = re.compile(r"^\s*(?P<name>\S+) => (?P<path>/.+?)(?: \(0x[0-9a-f]+\))?$")
_MISSING = re.compile(r"^\s*(?P<name>\S+) => not found$")


def libraries(binary: Path, start: Start) -> dict[str, Path | None]:
    """Return each library that binary needs, directly or not; None for one that is missing."""
    environment = {**os.environ, **start.environment(), "LC_ALL": "C"}
    if start.loader is None:
        command = ["ldd", str(binary)]
    else:
        # What ldd does: ld.so(8), LD_TRACE_LOADED_OBJECTS. --list would stop at a missing one.
        command = [*start.command()[:-1], str(binary)]
        environment["LD_TRACE_LOADED_OBJECTS"] = "1"
    try:
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"cannot list the libraries of {binary}: {error}") from error
    found: dict[str, Path | None] = {}
    for line in run.stdout.splitlines():
        if match := _RESOLVED.match(line):
            found[match["name"]] = Path(match["path"])
        elif match := _MISSING.match(line):
            found[match["name"]] = None
    if not found:
        raise EngineError(f"cannot list the libraries of {binary}: {run.stderr.strip()}")
    return found
