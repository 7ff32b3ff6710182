"""`serve`: a WAF in the foreground, from its first line to the last process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.answers import held
from support.backends import Backend, containers
from support.client import exchange, request
from support.tree import (
    at_work,
    bootable_tree,
    descendants,
    free_port,
    gone,
    nginx_of,
    parent_of,
    require_gone,
)

from waf_builder.run.process import RunError
from waf_builder.run.run import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

_SERVE = """
import functools, sys
from pathlib import Path
from waf_builder.run.run import serve
say = functools.partial(print, flush=True)
sys.exit(serve(Path(sys.argv[1]), address="127.0.0.1", port=int(sys.argv[2]),
               resolvers=["127.0.0.1"], on_line=say, on_ready=lambda: say("READY")))
"""


class Served:
    """A Python that serves a tree, as the command does."""

    def __init__(self, tree: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, tree, str(self.port)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def ask(self, target: str = "/") -> int:
        return exchange(("127.0.0.1", self.port), request(target)).status

    def read_until(self, wanted: str) -> str:
        assert self.process.stdout
        while line := self.process.stdout.readline():
            self.lines.append(line.rstrip("\n"))
            if wanted in line:
                return self.lines[-1]
        raise AssertionError(f"no {wanted!r} in {self.lines}")

    def end(self) -> int:
        rest, _ = self.process.communicate(timeout=20)
        self.lines += rest.splitlines()
        return self.process.returncode


@pytest.fixture
def backend() -> Iterator[Backend]:
    with containers() as (backend,):
        yield backend


@pytest.fixture
def tree(tmp_path: Path, engine_old: Engine, backend: Backend) -> Path:
    address = f"http://{backend.name}:{backend.port}"
    return bootable_tree(tmp_path / "waf", engine_old, backend=address)


@pytest.fixture
def served(tree: Path) -> Iterator[Served]:
    served = Served(tree)
    watch = threading.Timer(60, served.process.kill)
    watch.start()
    try:
        served.read_until("READY")
        yield served
    finally:
        watch.cancel()
        left = descendants(served.process.pid) | at_work(tree)
        served.process.kill()
        require_gone(left)
        served.process.communicate()


def test_tells_each_request_in_a_line(served):
    assert served.lines[-2].startswith(f"waf: listening on 127.0.0.1:{served.port}, ")
    assert served.ask("/one") == 200
    assert " 200 pass   GET /one  " in served.read_until("/one")
    assert served.ask("/?a=attack") == 403
    assert " 403 block  GET /?a=attack  10001 An attack  " in served.read_until("attack")
    served.process.send_signal(signal.SIGINT)
    assert served.end() == 0
    assert sum("attack" in line for line in served.lines) == 1


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name
)
def test_the_end_answers_what_is_in_flight_and_leaves_nothing(served, tree, backend, how):
    release = threading.Event()
    backend.on("/held", held(release))
    started = descendants(served.process.pid)
    assert len(started) >= 3
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(served.ask, "/held")
        backend.wait_for("/held")
        os.killpg(served.process.pid, how)
        threading.Timer(0.3, release.set).start()
        assert asked.result() == 200
    assert served.end() == 0
    assert gone(started)
    assert not (tree / "runtime").exists()
    assert " 200 pass   GET /held  " in served.lines[-1], "told to the last line"


def test_a_second_ctrl_c_does_not_wait(served, tree, backend):
    backend.on("/held", held(threading.Event()))
    started = descendants(served.process.pid)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(served.ask, "/held")
        backend.wait_for("/held")
        os.killpg(served.process.pid, signal.SIGINT)
        pool.submit(_wait_until_refused, served.port).result()
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.end() == 137
        assert isinstance(asked.exception(), (EOFError, OSError))
        backend.stop()
    assert gone(started)
    assert not (tree / "runtime").exists()
    assert "Traceback" not in "\n".join(served.lines)


def _wait_until_refused(port: int) -> None:
    while True:
        try:
            exchange(("127.0.0.1", port), request("/"))
        except ConnectionRefusedError:
            return
        except (EOFError, ConnectionError):
            continue


def test_nothing_survives_a_python_that_is_killed(served):
    started = descendants(served.process.pid)
    assert len(started) >= 3
    served.process.kill()
    assert gone(started)


def test_ends_when_nginx_does(served, tree):
    master, workers = nginx_of(tree)
    os.kill(master, signal.SIGKILL)
    assert served.end() == 137
    assert served.lines[-1].startswith("waf: error: nginx ended with status 137")
    assert gone(workers, timeout=0)


def test_ends_when_start_waf_does_and_says_so(served, tree):
    master, workers = nginx_of(tree)
    os.kill(parent_of(master), signal.SIGKILL)
    assert served.end() == 137
    assert served.lines[-1] == "waf: error: SIGKILL ended start-waf, expected it to run on"
    assert gone({master, *workers}, timeout=0)
    assert not (tree / "runtime").exists()


def test_ends_workers_that_neither_nginx_nor_start_waf_can_end(served, tree):
    """As when the kernel kills both for their memory."""
    master, workers = nginx_of(tree)
    start_waf = parent_of(master)
    os.kill(start_waf, signal.SIGSTOP)
    os.kill(master, signal.SIGKILL)
    os.kill(start_waf, signal.SIGKILL)
    assert served.end() == 137
    assert gone(workers, timeout=0)


def test_a_start_that_fails_leaves_nothing(tree):
    (tree / "nginx.conf").write_text("load_modules wrong;\n")
    ready: list[str] = []
    with pytest.raises(RunError, match='unknown directive "load_modules"'):
        serve(
            tree,
            address="127.0.0.1",
            port=free_port(),
            resolvers=["127.0.0.1"],
            on_line=lambda _: None,
            on_ready=lambda: ready.append("ready"),
        )
    assert not ready
    assert not (tree / "runtime").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_runtime_folder_that_was_there_stays(tree):
    (tree / "runtime").mkdir()
    (tree / "nginx.conf").write_text("load_modules wrong;\n")
    with pytest.raises(RunError):
        serve(
            tree,
            address="127.0.0.1",
            port=free_port(),
            resolvers=["127.0.0.1"],
            on_line=lambda _: None,
            on_ready=lambda: None,
        )
    assert (tree / "runtime").is_dir()
