"""A deployed app runs from wherever it was moved to, as anyone, beside anything."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support import deploys
from support.answers import held
from support.tree import descendants, gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

STRANGER = 12345
"""A user without an entry in the passwd file."""

ATTACK = "/?q=1%20UNION%20SELECT%20password%20FROM%20users"

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def app(compiled: Path, shared: Path) -> Path:
    """The app where it runs, which is not where it was built."""
    return shutil.copytree(compiled, shared / "app", symlinks=True)


@pytest.fixture
def waf(app: Path, backend: Backend) -> Iterator[Waf]:
    """The app as a user started it who has built nothing of it, where there can be one."""
    backend.forget()
    with deploys.started(app, backend.port, user=STRANGER if os.getuid() == 0 else None) as waf:
        yield waf


def assert_protects(waf: Waf) -> None:
    assert waf.ask("/?q=hello").status == 200
    assert waf.ask(ATTACK).status == 403
    assert {942100, 949110} & waf.rules("UNION%20SELECT")


def test_nothing_names_the_folder_of_the_build(compiled):
    named = str(compiled).encode()
    for path in sorted((compiled / ".waf").rglob("*")):
        if path.is_symlink():
            assert not path.readlink().is_absolute(), path
        elif path.is_file():
            assert named not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["app", "a folder with spaces", "quo'te"])
def test_runs_from_any_folder(compiled, shared, backend, name):
    app = shutil.copytree(compiled, shared / name, symlinks=True)
    with deploys.started(app, backend.port) as waf:
        assert_protects(waf)


@pytest.mark.parametrize("start", ["start-waf", "bash .waf/start", "sh -c .waf/bin/start-waf"])
def test_a_procfile_may_start_it_in_its_own_words(app, backend, start):
    with deploys.started(app, backend.port, start=start.replace(" -c ", " ")) as waf:
        assert_protects(waf)


@needs_root
@pytest.mark.parametrize("owner", [0, STRANGER], ids=["read-only app", "own app"])
def test_runs_as_a_user_without_a_name(app, backend, owner):
    """An app that cannot be written gets its run folder elsewhere."""
    subprocess.run(["chown", "-R", f"{owner}:{owner}", app], timeout=30, check=True)  # noqa: S607
    with deploys.started(app, backend.port, user=STRANGER) as waf:
        assert_protects(waf)
        assert (app / ".waf/tree/runtime").exists() == (owner == STRANGER)


@needs_root
def test_runs_from_a_read_only_file_system(app, backend):
    lock = 'mount --bind "$HOME" "$HOME" && mount -o remount,ro,bind "$HOME" && exec "$@"'
    wrapper = ["unshare", "--mount", "sh", "-c", lock, "sh"]
    if subprocess.run(
        [*wrapper, "true"], env={"HOME": str(app)}, timeout=30, check=False
    ).returncode:
        pytest.skip("no mount namespace can be had here")
    with deploys.started(app, backend.port, wrapper=wrapper) as waf:
        assert_protects(waf)
    assert not (app / ".waf/tree/runtime").exists()


def test_no_audit_record_is_torn(waf, backend):
    """2,000 mixed requests, 16 at a time, four workers."""
    count = 2000
    numbers = itertools.count()
    statuses: list[int] = []

    def ask() -> None:
        while (number := next(numbers)) < count:
            target = f"{ATTACK}&n={number}" if number % 2 else f"/?n={number}"
            statuses.append(waf.ask(target).status)

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(ask) for _ in range(16)]:
            done.result()
    workers = [pid for pid in descendants(waf.process.pid) if _is_worker(pid)]
    assert len(workers) == 4
    assert sorted(statuses) == [200] * (count // 2) + [403] * (count // 2)
    assert waf.stop() == 0
    records = [json.loads(line)["transaction"] for line in waf.stdout.lines]
    asked = {f"{ATTACK}&n={number}" for number in range(1, count, 2)}
    assert {record["request"]["uri"] for record in records} == asked
    assert len(records) == len(asked)


def _is_worker(pid: int) -> bool:
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:  # noqa: PTH123
        return file.read().startswith("nginx: worker process")


def test_sigterm_answers_what_is_in_flight(waf, backend):
    release = threading.Event()
    backend.on("/held", held(release))
    everything = descendants(waf.process.pid)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(waf.ask, "/held")
        backend.wait_for("/held")
        for _ in range(2):
            waf.process.send_signal(signal.SIGTERM)
        assert waf.process.poll() is None
        release.set()
        assert asked.result().status == 200
    assert waf.process.wait(25) == 0
    assert gone(everything)


def test_another_buildpacks_libraries_do_not_disturb_it(app, backend, tmp_path):
    for name in ("libselinux.so.1", "libpcre2-8.so.0", "libssl.so.3", "libmodsecurity.so.3"):
        (tmp_path / name).write_text("not a library")
    (app / ".profile.d/another.sh").write_text(
        f"export LD_LIBRARY_PATH={tmp_path}/none:{tmp_path}\n"
    )
    with deploys.started(app, backend.port) as waf:
        assert_protects(waf)


def test_a_missing_port_is_one_clear_line(app):
    run = subprocess.run(
        [app / ".waf/start"],
        env={"PATH": "/usr/bin:/bin", "BACKEND_PORT": "3000"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == "waf: error: PORT is not set, expected a number from 1 to 65535\n"
