"""What the system lets a process have: open files and other processes."""

from __future__ import annotations

import resource
from pathlib import Path

from waf_builder.config.model import Config
from waf_builder.doctor.here import Here
from waf_builder.doctor.memory import workers_of
from waf_builder.doctor.result import Result, failed, ok, skipped, warning

CONNECTIONS = 2048
"""`worker_connections` of the nginx.conf template; each is an open file of a worker."""
_BESIDES = 4
"""start-waf, nginx's master process, and what start-waf runs for a moment."""
_PIDS = ("pids.max", "pids/pids.max")
"""Below /sys/fs/cgroup: https://docs.kernel.org/admin-guide/cgroup-v2.html#pid"""


def check_files(limit: int) -> Result:
    """Return whether a worker may open as many files as it takes connections."""
    if limit == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if limit >= CONNECTIONS:
        return ok("open files", f"{limit}")
    return warning(
        "open files",
        f"{limit}, and a worker takes {CONNECTIONS} connections",
        f"Connections fail beyond that. Raise the limit: ulimit -n {CONNECTIONS}",
    )


def files_limit() -> int:
    """Return how many files a process may have open here."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_processes(config: Config, here: Here) -> Result:
    """Return whether the container lets nginx have its processes."""
    file = next((here.cgroup / name for name in _PIDS if (here.cgroup / name).is_file()), None)
    limit = _number(file)
    if file is None or limit is None:
        return skipped("processes", "the container has no limit that can be seen")
    try:
        need = workers_of(config, here) + _BESIDES
    except ValueError:
        return skipped("processes", "the number of workers is not known")
    left = limit - (_number(file.with_name("pids.current")) or 0)
    if left >= need:
        return ok("processes", f"{need} are needed, {left} of {limit} are left")
    return failed(
        "processes",
        f"{need} are needed, {left} of {limit} are left",
        "nginx cannot start its workers. End other processes, or take a larger container.",
    )


def _number(file: Path | None) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip() if file else ""
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() else None
