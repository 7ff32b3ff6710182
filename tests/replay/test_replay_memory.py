"""How much memory a replay takes: as much for a large file as for a small one.

Each is measured in a process of its own, since the most that a process ever had is what counts. The
kernel's VmHWM is of that program alone; getrusage would also tell what pytest had when it forked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from traffic import access, entry

HERE = Path(__file__).parent
MEASURE = """
import re, sys
from pathlib import Path
from traffic import Waf
from waf_builder.replay.read import traffic
from waf_builder.replay.replay import replay
from waf_builder.replay.seen import Skipped
skipped = Skipped()
outcome = replay(Waf(200), traffic(sys.argv[1:], skipped), skipped)
status = Path("/proc/self/status").read_text()
print(outcome.requests, re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
"""
MB = 1024**2
GROWTH = 6 * 1024
"""KiB that the large file may take more: answers that are kept, and what the allocator holds."""


def measured(file: Path) -> tuple[int, int]:
    """Return how many requests a file has, and the most KiB that replaying it took."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)],
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    requests, kib = map(int, run.stdout.split())
    return requests, kib


def log(file: Path, size: int) -> int:
    """Write lines of requests, 2,000 of them different, and return their number."""
    lines = [f"{access(f'/posts/{n}', query=f'page={n}')}\n" for n in range(2000)]
    block = "".join(lines)
    times = size // len(block) + 1
    with file.open("w") as stream:
        for _ in range(times):
            stream.write(block)
    return times * len(lines)


def har(file: Path, size: int) -> int:
    """Write entries with pages of 40 KB, as browsers save them, and return their number."""
    page = "<p>Ordinary text of a page.</p>" * 1300
    one = json.dumps(entry("http://a.test/NUMBER", text=page))
    number = size // len(one) + 1
    with file.open("w") as stream:
        stream.write('{"log": {"version": "1.2", "entries": [')
        for count in range(number):
            stream.write(("," if count else "") + one.replace("NUMBER", str(count % 500)))
        stream.write("]}}")
    return number


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "small", "large"), [(log, 2 * MB, 20 * MB), (har, 10 * MB, 100 * MB)]
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, write, small: int, large: int):
    file = tmp_path / "traffic"
    number = write(file, small)
    requests, little = measured(file)
    assert requests == number

    number = write(file, large)
    assert file.stat().st_size >= large
    requests, much = measured(file)
    assert requests == number
    assert much - little <= GROWTH, f"{little} KiB for {small} bytes, {much} for {large}"
    assert much <= 64 * 1024
