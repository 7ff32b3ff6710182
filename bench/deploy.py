"""What a deploy costs, and what the app holds afterwards: this file, or `bench/deploy.py trixie`.

Without a name the deploy takes place on this machine, with a name on a bare system of that suite,
as a user without rights (root makes it with debootstrap). Packages and libraries come from where
this machine gets them, so the seconds are those of its network too. Exit status 1 when a target
is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import deploys, stacks  # noqa: E402
from support.backends import containers  # noqa: E402
from support.registry import Registry  # noqa: E402
from support.releases import make_clone  # noqa: E402
from support.tree import descendants, free_port  # noqa: E402

from waf_builder.deploy.install import size_of  # noqa: E402

ATTACK = "/?q=1%20UNION%20SELECT%20password%20FROM%20users"
MEGABYTE = 1 << 20
BUILDER = 12345
BOOTS = 5
REQUESTS = 400
PATIENCE = 30
SETTLE = 0.3
POLL = 0.001
"""Seconds between two looks at whether the WAF listens."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a value, what it may be at most, and the CPU seconds of it."""

    what: str
    value: float
    unit: str
    target: float | None = None
    cpu: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is as good as it should be."""
        return self.target is None or self.value <= self.target


@dataclass(frozen=True)
class Place:
    """Where deploys take place.

    folder: for everything, as seen from here; inside: the same as the programs see it.
    releases: the address that releases of the Core Rule Set come from.
    enter: a command that runs another one there.
    """

    folder: Path
    inside: Path
    releases: str
    enter: tuple[str, ...] = ()


def compiled(place: Place, name: str, spec: str) -> tuple[float, float]:
    """Deploy an app as `name`, with what the cache holds; return seconds, and those of the CPU."""
    build = place.folder / name
    build.mkdir()
    (build / "backend.yaml").write_text(spec, encoding="utf-8")
    if place.enter:
        for path in (build, *build.iterdir()):
            os.chown(path, BUILDER, BUILDER)
    folders = [str(place.inside / one) for one in (name, "cache", "env")]
    began, before = time.monotonic(), cpu_of_children()
    run = subprocess.run(
        [*place.enter, str(place.inside / "clone/bin/compile"), *folders],
        # Only the package registries are asked; for rules a server that has none, and says so.
        env={**os.environ, "WAF_BUILDER_CACHE": "", "WAF_BUILDER_CRS_URL": place.releases},
        stdout=PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    seconds = time.monotonic() - began
    if run.returncode != 0:
        raise SystemExit(run.stdout)
    return seconds, cpu_of_children() - before


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compiling(place: Place, spec: str) -> Iterator[Row]:
    """Yield what bin/compile costs, and the size of what it makes."""
    seconds, cpu = compiled(place, "cold", spec)
    yield Row("compile, cold cache", seconds, "s", 15, cpu)
    seconds, cpu = min(compiled(place, f"warm{number}", spec) for number in range(3))
    yield Row("compile, warm cache (best of 3)", seconds, "s", 6, cpu)
    waf = place.folder / "cold/.waf"
    yield Row("slug: .waf", size_of(waf) / 1e6, "MB", 20)
    yield Row("slug: of it the engine", size_of(waf / "engine") / 1e6, "MB")
    yield Row("cache", size_of(place.folder / "cache") / 1e6, "MB")


@contextlib.contextmanager
def started(place: Place, name: str, port: int, backend: int) -> Iterator[tuple[int, float]]:
    """Start a deployed app; give its process and the seconds until it listened."""
    # The logs are read, as they are on the platform, and by a process of their own.
    readers = [subprocess.Popen(["cat"], stdin=PIPE, stdout=DEVNULL) for _ in range(2)]  # noqa: S607
    for reader in readers:
        if place.enter:
            os.fchown(reader.stdin.fileno(), BUILDER, BUILDER)
    began = time.monotonic()
    process = subprocess.Popen(
        [*place.enter, str(place.inside / name / ".waf/start")],
        env={
            "PATH": "/usr/bin:/bin",
            "PORT": str(port),
            "WAF_ADDRESS": "127.0.0.1",
            "WAF_RESOLVERS": "127.0.0.1",
            "BACKEND_PORT": str(backend),
        },
        stdout=readers[0].stdin,
        stderr=readers[1].stdin,
    )
    for reader in readers:
        reader.stdin.close()
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                raise SystemExit(f"the app of {place.folder / name} does not start")
            time.sleep(POLL)
        yield process.pid, time.monotonic() - began
    finally:
        process.terminate()
        process.wait(timeout=40)
        for reader in readers:
            reader.wait(timeout=10)


def booting(place: Place, backend: int) -> Iterator[Row]:
    """Yield how long a container takes to listen."""
    seconds = []
    for _ in range(BOOTS):
        with started(place, "cold", free_port(), backend) as (_, took):
            seconds.append(took)
    yield Row(f"boot to listening (best of {BOOTS})", min(seconds), "s", 0.3)
    yield Row(f"boot to listening (worst of {BOOTS})", max(seconds), "s")


def holding(place: Place, address: str, backend: int) -> Iterator[Row]:
    """Yield what the app holds in memory: its shell, nginx's master and its workers."""
    for workers in (1, 2, 4):
        name = f"workers{workers}"
        compiled(place, name, deploys.spec(address, workers=workers))
        port = free_port()
        with started(place, name, port, backend) as (process, _):
            await_workers(process, workers)
            yield Row(
                f"memory with {workers} worker{'s'[: workers - 1]}, idle", held(process), "MB"
            )
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(ask, [port] * REQUESTS, range(REQUESTS)))
            yield Row(
                f"memory after {REQUESTS} requests, half of them attacks", held(process), "MB"
            )


def ask(port: int, number: int) -> None:
    target = ATTACK if number % 2 else f"/?n={number}"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: waf.test\r\nUser-Agent: Mozilla/5.0\r\n"
        connection.sendall(f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode())
        while connection.recv(65536):
            pass


def await_workers(process: int, count: int) -> None:
    """Wait until the master has started so many, and they have nothing to do."""
    deadline = time.monotonic() + PATIENCE
    while len(descendants(process)) < count + 1 and time.monotonic() < deadline:
        time.sleep(POLL)
    time.sleep(SETTLE)


def held(process: int) -> float:
    """Return the megabytes of a process and its descendants, shared ones counted once."""
    return sum(pss(pid) for pid in (process, *descendants(process))) / MEGABYTE


def pss(pid: int) -> int:
    """Return the bytes that a process holds; none when it has just ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def prepared(suite: str | None) -> Iterator[Place]:
    """Give a place for deploys, with a clone of this checkout, an empty cache, no variables."""
    with (
        tempfile.TemporaryDirectory(prefix="waf-builder-bench-") as temporary,
        tempfile.TemporaryDirectory() as nothing,
        Registry(Path(nothing)) as releases,
    ):
        place = Place(Path(temporary), Path(temporary), releases.url)
        if suite:
            stack = stacks.stack(suite)
            become = ("setpriv", f"--reuid={BUILDER}", f"--regid={BUILDER}", "--clear-groups")
            inside = Path("/waf-builder-bench")
            place = Place(stack.root / inside.name, inside, releases.url, (*stack.enter(), *become))
            shutil.rmtree(place.folder, ignore_errors=True)
        for name in ("cache", "env"):
            (place.folder / name).mkdir(parents=True)
            if suite:
                os.chown(place.folder / name, BUILDER, BUILDER)
        shutil.copytree(make_clone(Path(temporary) / "made"), place.folder / "clone", symlinks=True)
        if suite:
            os.chown(place.folder, BUILDER, BUILDER)
        try:
            yield place
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", nargs="?", help="a Debian suite, such as trixie")
    suite = parser.parse_args().suite
    rows: list[Row] = []
    busy = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"{busy:<58} {'':>8}    {'CPU':>8}   target")
    with prepared(suite) as place, containers() as (backend,):
        spec = deploys.spec(backend.name, workers=2)
        parts = (
            compiling(place, spec),
            booting(place, backend.port),
            holding(place, backend.name, backend.port),
        )
        for part in parts:
            for row in part:
                target = f"<= {row.target:g} {row.unit}" if row.target is not None else ""
                cpu = f"{row.cpu:6.2f} s" if row.cpu is not None else ""
                verdict = "" if row.met else "  missed"
                line = f"{row.what:<58} {row.value:8.2f} {row.unit:<2} {cpu:>9}   {target}{verdict}"
                print(line.rstrip())
                sys.stdout.flush()
                rows.append(row)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
