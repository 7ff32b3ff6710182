"""What rendering costs, and what nginx holds in memory: `make bench`, or this file alone.

Every time is that of a whole process, the best of several, since users wait for processes. CPU is
user and system time; the wall shows what else the machine was doing. `nginx -t` is left out: it
takes what the engine takes. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import engines, waf  # noqa: E402

from waf_builder.engine.model import Engine  # noqa: E402
from waf_builder.errors import EngineError  # noqa: E402

SMALLEST = """\
backend:
  process: myappbackend
  port: 3000
  app_id: ap-a71da13f-7c70-4c00-a644-eee8558d8053
  network_id: pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c
"""
TIMES_FOR_TEN = 12
"""How much longer ten times as many routes may take: a little more than in proportion."""
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Row:
    """One line of the table: a value, what it may be at most, and the wall of a process."""

    what: str
    value: float
    unit: str
    target: float | None = None
    wall: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is as good as it should be."""
        return self.target is None or self.value <= self.target


def routes(count: int, *, methods: bool = True) -> str:
    """Return a spec with so many routes, each with a policy of its own."""
    allowed = " methods: [GET, POST]," if methods else ""
    lines = ["backend: {host: 127.0.0.1, port: 9}", "workers: 1", "routes:"]
    lines += [
        f"  - {{path: /route/{number}/,{allowed} max_body: {number % 50 + 1}m,"
        f" waf: {{paranoia_level: {number % 4 + 1},"
        f" inbound_anomaly_threshold: {5 + number % 9_000}}}}}"
        for number in range(count)
    ]
    return "\n".join(lines) + "\n"


def measure(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Run waf-builder once; return CPU and wall seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAF_BUILDER_ENGINE": "none"}
    began = time.monotonic()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "waf_builder", *arguments],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - began
    if status:
        raise SystemExit(f"waf-builder {' '.join(arguments)} in {folder} ended with {status}")
    return usage.ru_utime + usage.ru_stime, wall


def best(times: int, arguments: list[str], folder: Path) -> tuple[float, float]:
    runs = [measure(arguments, folder) for _ in range(times)]
    return min(cpu for cpu, _ in runs), min(wall for _, wall in runs)


def rendering(folder: Path, times: int) -> Iterator[Row]:
    """Yield what the command line costs."""
    cpu, wall = best(times, ["--help"], folder)
    yield Row("waf-builder --help", cpu, "s", 0.15, wall)
    thousand = 0.0
    for what, text, runs, target in (
        ("render the smallest spec", SMALLEST, times, 0.35),
        ("render 1,000 routes", routes(1_000), min(times, 3), 2.0),
        ("render 10,000 routes", routes(10_000), 1, 0.0),
    ):
        spec = folder / "backend.yaml"
        spec.write_text(text, encoding="utf-8")
        cpu, wall = best(runs, ["render", str(spec)], folder)
        yield Row(what, cpu, "s", target or TIMES_FOR_TEN * thousand, wall)
        thousand = cpu


def memory(folder: Path) -> Iterator[Row]:
    """Yield what nginx holds with many policies, above what it holds with one."""
    engine = engines.old(lambda _message: None)
    one = held(routes(1, methods=False), folder / "one", engine)
    many = held(routes(1_000, methods=False), folder / "many", engine)
    what = f"1,000 policies in nginx {engine.nginx_version}, above {one:.0f} MB with one"
    yield Row(what, many - one, "MB", 60)
    # A location's `methods` are an `if`, to nginx a location of its own with rules of its own.
    with_methods = held(routes(1_000), folder / "methods", engine)
    yield Row("the same, each route with methods", with_methods - one, "MB")


def held(spec: str, tree: Path, engine: Engine) -> float:
    """Return the megabytes that nginx holds for a spec, master and workers together."""
    waf.render(spec, tree, engine)
    with waf.running(tree, resolver="127.0.0.1") as running:
        running.ask("/route/0/")  # so that the worker has taken what it needs
        return sum(pss(pid) for pid in family(int(nginx_of(tree)))) / MEGABYTE


def nginx_of(tree: Path) -> str:
    return (tree / "runtime" / "nginx.pid").read_text(encoding="utf-8")


def family(master: int) -> list[int]:
    """Return nginx's master and its workers."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="utf-8")
    return [master, *(int(pid) for pid in children.split())]


def pss(pid: int) -> int:
    """Return the bytes that a process holds, its part of what it shares with others."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"the kernel does not say what {pid} holds")


def show(row: Row) -> None:
    wall = f"{row.wall:8.2f} s" if row.wall is not None else ""
    target = f"<= {row.target:.4g} {row.unit}" if row.target is not None else ""
    verdict = "" if row.met else "  missed"
    print(f"{row.what:<58} {row.value:8.2f} {row.unit:<2} {wall:>10}   {target}{verdict}".rstrip())
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="how often to run what is quick")
    parser.add_argument("--no-memory", action="store_true", help="leave nginx out")
    options = parser.parse_args()
    print(f"{'':<58} {'CPU':>8} {'':<2} {'wall':>10}   target")
    rows: list[Row] = []
    parts: list[Callable[[Path], Iterator[Row]]] = [lambda at: rendering(at, options.times)]
    if not options.no_memory:
        parts.append(memory)
    with tempfile.TemporaryDirectory(prefix="waf-builder-bench-") as folder:
        for part in parts:
            try:
                for row in part(Path(folder)):
                    show(row)
                    rows.append(row)
            except EngineError as error:
                print(f"memory was not measured: {error}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
