"""How many workers a container gets, and what its memory means for large bodies."""

from __future__ import annotations

import re

from waf_builder.config.model import Config
from waf_builder.doctor.here import Here
from waf_builder.doctor.result import Result, failed, ok, printable, skipped, warning
from waf_builder.render.publish import inspected_body

MIB = 1 << 20
BASE_MIB = 64
WORKER_MIB = 96
BODY_FACTOR = 22
"""Measured: MiB for everything but the workers, MiB for a worker under load, and how many times
its size a body takes while it is inspected (10 for a file, 15 for JSON, 22 for text). start-waf
has the same numbers."""
_MOST = 8
_MOST_UNLIMITED = 4
_NUMBER = "[1-9][0-9]{0,15}"
_NOT_COMPARED = "So nobody knows whether the memory is enough for the workers."


def memory_of(here: Here) -> int | None:
    """Return the container's memory in bytes, or None where nothing limits it; ValueError."""
    given = here.environ.get("CONTAINER_MEMORY", "")
    if not given:
        return None
    if not re.fullmatch(_NUMBER, given):
        raise ValueError(f"CONTAINER_MEMORY is {printable(given, 40)!r}, expected bytes")
    return int(given)


def workers_of(config: Config, here: Here) -> int:
    """Return how many workers start-waf would start; ValueError for a memory that is none."""
    if config.workers.isdecimal():
        return int(config.workers)
    memory = memory_of(here)
    limit = _MOST_UNLIMITED
    if memory is not None:
        limit = min(_MOST, (memory // MIB - BASE_MIB) // WORKER_MIB)
    return max(1, min(here.cores, limit))


def check_workers(config: Config, here: Here) -> Result:
    """Return how many workers there are, and whether their memory is there."""
    try:
        memory, workers = memory_of(here), workers_of(config, here)
    except ValueError as error:
        if config.workers.isdecimal():
            return warning("workers", str(error), _NOT_COMPARED)
        return failed("workers", str(error), "The platform sets it, so start-waf stops here.")
    need = BASE_MIB + WORKER_MIB * workers
    whose = "as the spec says" if config.workers.isdecimal() else f"for {_cores(here.cores)}"
    seen = f"{_count(workers, 'worker')} {whose}, up to {need} MiB"
    if memory is None:
        return ok("workers", f"{seen}; CONTAINER_MEMORY is not set")
    if need * MIB <= memory:
        return ok("workers", f"{seen} of {memory // MIB}")
    fewer = "remove `workers` from the spec, or " if config.workers.isdecimal() else ""
    return warning(
        "workers",
        f"{seen}, and the container has {memory // MIB}",
        f"Under load it may be ended for taking too much memory: {fewer}take a larger container.",
    )


def check_bodies(config: Config, here: Here) -> Result:
    """Return whether the memory is enough to inspect one body of the largest size."""
    try:
        memory = memory_of(here)
    except ValueError:
        return skipped("max_body", "the container's memory is not known")
    body = inspected_body(config)
    if not body:
        return skipped("max_body", "no route inspects requests")
    need = BODY_FACTOR * body
    seen = f"inspecting one body of {_size(body)} may take {_size(need)}"
    if memory is None or BASE_MIB * MIB + need <= memory:
        room = "" if memory is None else f", so {(memory - BASE_MIB * MIB) // need} fit at a time"
        return ok("max_body", seen + room)
    return warning(
        "max_body",
        f"{seen}, and the container has {memory // MIB} MiB",
        "A body is held in memory while it is inspected. Lower max_body, set it on the one route\n"
        "that needs it with `waf: {mode: off}` there, or take a larger container.",
    )


def _cores(number: int) -> str:
    return _count(number, "core")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    if size % MIB == 0 or size > 10 * MIB:
        return f"{size // MIB} MiB"
    return f"{max(1, size // 1024)} KiB"
