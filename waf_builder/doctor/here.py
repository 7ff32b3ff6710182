"""Where the doctor is: the environment and the machine, as every check sees them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 10.0
"""How long a whole examination may take."""


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Here:
    """One machine at one time.

    cores: those that this process may use, which is what `nproc` counts in start-waf.
    deadline: of the whole examination, on the clock of `time.monotonic`.
    """

    environ: Mapping[str, str]
    cores: int = field(default_factory=_cores)
    cgroup: Path = Path("/sys/fs/cgroup")
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def left(self, most: float) -> float:
        """Return how many seconds a step may take that would like to have `most`."""
        return max(0.05, min(most, self.deadline - time.monotonic()))

    @property
    def container(self) -> str:
        """The platform's name for this container, such as web-1; empty elsewhere.

        https://doc.scalingo.com/platform/app/environment
        """
        return self.environ.get("CONTAINER", "")
