"""What an answer about a request costs: this file, or `bench/inspection.py --crs DIR`.

In process, by libmodsecurity, with the engine's rules or those of a folder. Seconds are those of
the processor, of all processes together, the best of five: a wall clock would measure who else
works on the machine. Memory is the most that a replay of a HAR of 100 MB has ever had. Exit status
1 when a target is missed.

It is not named inspect.py, since it would stand in the way of Python's own module of that name.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:] = [
    str(ROOT),
    str(ROOT / "tests"),
    *sys.path[1:],
]  # without bench/: it has `inspect`, too

from corpus.requests import attacks, ordinary, specialist  # noqa: E402
from support import engines  # noqa: E402

from waf_builder.choice import Choice  # noqa: E402
from waf_builder.inspect.inprocess import LibraryJudge  # noqa: E402
from waf_builder.inspect.raw import from_raw  # noqa: E402
from waf_builder.inspect.request import HttpRequest, from_url  # noqa: E402
from waf_builder.judges import prepare  # noqa: E402

SPEC = "backend: {host: site.internal, port: 3000}\n"
ATTACK = "/?q=1%20UNION%20SELECT%20password%20FROM%20users"
PAGE = "/articles/2026/pare-feu?page=2&sort=date"
COLD, WARM, BATCHES = 5, 100, 5
CORES = 2
TESTS = 3000
HAR_PAGES = 2500
MEASURED = """
import re, sys
from pathlib import Path
from waf_builder.cli import main
main(sys.argv[1:], standalone_mode=False)
status = Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
"""
"""Runs a command and ends with the most KiB that its process had."""

TEST = """\
  - test_id: 1
    stages: [{input: {uri: "%s", headers: {Host: a.test, User-Agent: x, Accept: text/html}}}]
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: a value, and what it may be at most, or at least."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        """The target as it is shown."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""

    @property
    def met(self) -> bool:
        """Whether it is as good as it should be."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


def command(*arguments: str, cache: Path, wanted: int, **environ: str) -> float:
    """Run waf-builder and return the processor's seconds."""
    before = cpu_of_children()
    run = subprocess.run(
        [sys.executable, "-m", "waf_builder", *arguments],
        cwd=ROOT,
        env={**os.environ, "WAF_BUILDER_CACHE": str(cache), **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if run.returncode != wanted:
        raise SystemExit(run.stdout[-2000:] + run.stderr)
    return cpu_of_children() - before


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def first_answers(spec: Path, folder: Path, crs: list[str]) -> list[Row]:
    asked = ["inspect", str(spec), ATTACK, "--engine", "library", *crs]
    new = min(command(*asked, cache=folder / f"cache-{n}", wanted=3) for n in range(COLD))
    known = min(command(*asked, cache=folder / "cache-0", wanted=3) for _ in range(COLD))
    bytecode = [str(folder / f"bytecode-{n}") for n in range(COLD)]
    first = min(
        command(*asked, cache=folder / f"first-{n}", wanted=3, PYTHONPYCACHEPREFIX=prefix)
        for n, prefix in enumerate(bytecode)
    )
    return [
        Row("first answer, a new process", known, "s", at_most=1.0),
        Row("the same, of a spec that was never rendered", new, "s", at_most=1.0),
        Row("the same, and no module or template compiled yet", first, "s"),
    ]


def further(spec: Path, crs: str | None) -> list[Row]:
    prepared = prepare(spec, Choice(None, crs), lambda _line: None)
    began = time.process_time()
    with prepared.judge() as judge:
        loaded = time.process_time() - began

        def each(requests: list[HttpRequest]) -> float:
            list(judge.judge(requests[:5]))
            return min(_cpu(judge, requests) for _ in range(BATCHES)) / len(requests) * 1000

        every = (*ordinary(), *specialist(), *attacks())
        corpus = [from_raw(one.data, one.name) for one in every]
        return [
            Row("loading the rules", loaded * 1000, "ms"),
            Row("each further request: a page", each([from_url(PAGE)] * WARM), "ms", at_most=2),
            Row("each further request: the corpus, uploads and all", each(corpus), "ms"),
        ]


def _cpu(judge: LibraryJudge, requests: list[HttpRequest]) -> float:
    began = time.process_time()
    for _ in judge.judge(requests):
        pass
    return time.process_time() - began


def tests(spec: Path, folder: Path, crs: list[str]) -> list[Row]:
    file = folder / "many.yaml"
    file.write_text("tests:\n" + "".join(TEST % f"{PAGE}&n={n}" for n in range(TESTS)), "utf-8")
    asked = ["test", str(spec), str(file), "--engine", "library", *crs]
    cpu = min(command(*asked, cache=folder / "cache-0", wanted=0) for _ in range(COLD))
    speed = TESTS / cpu * CORES
    return [Row("tests on two cores, the start included", speed, "a second", at_least=800)]


def replay(spec: Path, folder: Path, crs: list[str]) -> list[Row]:
    file = folder / "traffic.har"
    count = write_har(file)
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, "replay", str(spec), str(file), *crs],
        cwd=ROOT,
        env={**os.environ, "WAF_BUILDER_CACHE": str(folder / "cache-0")},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    size = file.stat().st_size / 1e6
    name = f"memory of a replay: a HAR of {size:.0f} MB, {count:,} requests"
    return [Row(name, int(run.stderr.splitlines()[-1]) / 1024, "MiB", at_most=128)]


def write_har(file: Path) -> int:
    """Write requests for pages of 40 KB, as browsers save them; return their number."""
    page = "<p>Ordinary text of a page.</p>" * 1300
    with file.open("w", encoding="utf-8") as stream:
        stream.write('{"log": {"version": "1.2", "entries": [')
        for number in range(HAR_PAGES):
            entry = {
                "request": {
                    "method": "GET",
                    "url": f"https://www.example.com{PAGE}&n={number}",
                    "headers": [{"name": "User-Agent", "value": "Mozilla/5.0"}],
                },
                "response": {"status": 200, "content": {"size": len(page), "text": page}},
            }
            stream.write(("," if number else "") + json.dumps(entry))
        stream.write("]}}")
    return HAR_PAGES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crs", help="a folder with rules; the engine's own if not")
    parser.add_argument("--engine", choices=["old", "new"], default="new")
    given = parser.parse_args()
    engine = getattr(engines, given.engine)(print)
    os.environ["WAF_BUILDER_ENGINE"] = str(engine.root)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set, each start compiles all
    crs = ["--crs", given.crs] if given.crs else []
    with tempfile.TemporaryDirectory(prefix="waf-builder-bench-") as name:
        folder = Path(name)
        spec = folder / "backend.yaml"
        spec.write_text(SPEC, encoding="utf-8")
        rows = [
            *first_answers(spec, folder, crs),
            *further(spec, given.crs),
            *tests(spec, folder, crs),
            *replay(spec, folder, crs),
        ]
    print(f"{'CPU':<52} {'':>14} {'target':>8}")
    for row in rows:
        value = f"{row.value:.2f} {row.unit}" if row.value < 100 else f"{row.value:.0f} {row.unit}"
        print(f"{row.what:<52} {value:>14} {row.target:>8}{'' if row.met else '  MISSED'}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
