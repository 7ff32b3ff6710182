"""The end of a WAF: requests in flight get their answers, and no process stays."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.answers import held
from support.backends import Backend, containers
from support.client import exchange, request
from support.tree import (
    Running,
    at_work,
    boot,
    boot_environment,
    bootable_tree,
    descendants,
    free_port,
    gone,
    nginx_of,
    running,
    with_stub,
    write_tree,
)

from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with containers() as (backend,):
        yield backend


@pytest.fixture
def tree(tmp_path: Path, engine: Engine, backend: Backend) -> Path:
    backend.forget()
    return bootable_tree(tmp_path / "waf", engine, backend=f"http://{backend.name}:{backend.port}")


@pytest.fixture
def waf(tree: Path) -> Iterator[Running]:
    with running(tree, CONTAINER_MEMORY=str(512 << 20)) as waf:
        yield waf


def ask(address: tuple[str, int], target: str = "/") -> int:
    return exchange(address, request(target), timeout=20).status


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP], ids=lambda how: how.name
)
def test_answers_what_is_in_flight_and_takes_nothing_new(waf, backend, how):
    release = threading.Event()
    backend.on("/held", held(release))
    started = descendants(waf.process.pid)
    assert len(started) >= 2, "nginx and its workers"
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(ask, waf.address, "/held") for _ in range(3)]
        backend.wait_for("/held", 3)
        waf.process.send_signal(how)
        assert waf.refuses()
        assert waf.process.poll() is None
        release.set()
        assert [one.result() for one in asked] == [200, 200, 200]
    assert waf.end()[0] == 0
    assert gone(started)


def test_ctrl_c_in_a_terminal_answers_what_is_in_flight(tree, backend):
    """A terminal sends its signal to every process of its foreground group."""
    release = threading.Event()
    backend.on("/held", held(release))
    port = free_port()
    environment = boot_environment(PORT=str(port), WAF_ADDRESS="127.0.0.1")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(start_waf(), ["start-waf", str(tree)], environment)  # noqa: S606
    try:
        with ThreadPoolExecutor() as pool:
            shown = b""
            while b"waf: listening on" not in shown:
                shown += os.read(terminal, 4096)
            asked = pool.submit(ask, ("127.0.0.1", port), "/held")
            backend.wait_for("/held")
            os.write(terminal, b"\x03")
            waf = Running(None, port, [])  # type: ignore[arg-type]
            assert waf.refuses()
            release.set()
            assert asked.result() == 200
        started = descendants(pid)
        _, status = os.waitpid(pid, 0)
        pid = 0
        assert os.waitstatus_to_exitcode(status) == 0
        assert gone(started)
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)


def test_a_second_signal_does_not_cut_the_first_one_short(waf, backend):
    release = threading.Event()
    backend.on("/held", held(release))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, waf.address, "/held")
        backend.wait_for("/held")
        waf.process.send_signal(signal.SIGTERM)
        assert waf.refuses()
        for again in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
            waf.process.send_signal(again)
        assert not asked.done()
        release.set()
        assert asked.result() == 200
    status, stderr = waf.end()
    assert status == 0
    assert "waf: error" not in stderr


def test_a_request_of_three_seconds_gets_its_answer(waf, backend):
    release = threading.Event()
    backend.on("/held", held(release))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, waf.address, "/held")
        backend.wait_for("/held")
        began = time.monotonic()
        threading.Timer(3, release.set).start()
        waf.process.send_signal(signal.SIGTERM)
        assert asked.result() == 200
    assert waf.end()[0] == 0
    assert 2.5 < time.monotonic() - began < 15


@pytest.mark.slow
def test_a_client_that_never_finishes_is_cut_before_the_platform_kills(tmp_path, engine_new):
    """The platform sends SIGKILL after 30 s; nginx's worker_shutdown_timeout is 25 s."""
    tree = bootable_tree(tmp_path / "waf", engine_new)
    head = b"POST / HTTP/1.1\r\nHost: waf.test\r\nContent-Length: 100\r\n\r\n"
    with running(tree) as waf, socket.create_connection(waf.address) as client:
        started = descendants(waf.process.pid)
        client.sendall(head + b"x" * 50)
        assert ask(waf.address, "/?a=attack") == 403, "the half request has been read by now"
        began = time.monotonic()
        waf.process.send_signal(signal.SIGTERM)
        assert waf.refuses()
        # Whatever it sends on, byte by byte, it does not finish.
        while waf.process.poll() is None and time.monotonic() - began < 40:
            with contextlib.suppress(OSError):
                client.send(b"x" if time.monotonic() - began < 20 else b"")
            time.sleep(1)
        took = time.monotonic() - began
        status, stderr = waf.end()
    assert (status, "waf: error" in stderr) == (0, False)
    assert 20 < took < 29
    assert gone(started)


def test_an_idle_connection_does_not_hold_up_the_end(waf):
    with socket.create_connection(waf.address) as idle:
        idle.sendall(request("/"))
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        waf.process.send_signal(signal.SIGTERM)
        assert waf.end()[0] == 0


def test_signals_of_the_platform_do_no_harm(waf, backend):
    for one in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
        waf.process.send_signal(one)
        assert ask(waf.address) == 200
    assert waf.process.poll() is None
    waf.process.send_signal(signal.SIGTERM)
    status, stderr = waf.end()
    assert status == 0
    assert "binary" not in stderr


def test_nothing_survives_a_start_waf_that_is_killed(waf, tree):
    master, workers = nginx_of(tree)
    waf.process.kill()
    waf.end()
    assert gone({master, *workers})
    assert not at_work(tree)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV], ids=lambda how: how.name)
def test_a_nginx_that_is_killed_is_told_and_its_workers_end(waf, tree, how):
    master, workers = nginx_of(tree)
    for worker in workers:
        # As deaf as one that is busy with an expression.
        os.kill(worker, signal.SIGSTOP)
    os.kill(master, how)
    status, stderr = waf.end()
    assert status == 128 + how
    assert stderr.endswith(
        f"waf: error: nginx ended with status {status}, expected it to run until it is told to"
        " stop\n"
    )
    assert gone(workers)
    assert waf.refuses()


def test_a_nginx_that_is_killed_while_it_stops_takes_its_workers_along(waf, tree, backend):
    release = threading.Event()
    backend.on("/held", held(release))
    master, workers = nginx_of(tree)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, waf.address, "/held")
        backend.wait_for("/held")
        waf.process.send_signal(signal.SIGTERM)
        assert waf.refuses()
        os.kill(master, signal.SIGKILL)
        assert waf.end()[0] == 137
        assert gone(workers)
        assert isinstance(asked.exception(), (EOFError, OSError))
        release.set()


def test_a_nginx_that_does_not_start_is_told_after_its_own_words(tree):
    (tree / "nginx.conf").write_text("load_modules wrong;\n")
    result = boot(tree)
    assert result.returncode == 1
    *said, last = result.stderr.splitlines()
    assert any('unknown directive "load_modules"' in line for line in said)
    assert last == (
        "waf: error: nginx ended with status 1, expected it to run until it is told to stop"
    )


def test_a_pid_file_of_an_earlier_boot_is_not_taken_for_this_one(tree):
    (tree / "runtime").mkdir()
    (tree / "runtime/nginx.pid").write_text("1\n")
    (tree / "nginx.conf").write_text("load_modules wrong;\n")
    result = boot(tree)
    assert result.returncode == 1
    assert "waf: listening" not in result.stderr


def test_a_nginx_that_never_listens_can_be_stopped(tmp_path):
    tree = with_stub(write_tree(tmp_path / "waf"))
    os.mkfifo(tree / "started")
    (tree / "engine/nginx").write_text("#!/bin/sh\necho >started\nexec sleep 300\n")
    process = subprocess.Popen(
        [start_waf(), tree],
        env=boot_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert (tree / "started").read_text() == "\n"
        started = descendants(process.pid)
        process.terminate()
        stdout, stderr = process.communicate(timeout=10)
        assert (process.returncode, stdout, stderr) == (143, "", "")
        assert gone(started)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("milliseconds", [0, 20, 40, 60, 80, 100, 120, 150])
def test_can_be_stopped_at_any_moment_of_its_start(tree, milliseconds):
    port = free_port()
    process = subprocess.Popen(
        [start_waf(), tree],
        env=boot_environment(PORT=str(port), WAF_ADDRESS="127.0.0.1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(milliseconds / 1000)
    started = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=5) in {0, 143, -signal.SIGTERM}
        assert gone(started)
        assert Running(process, port, []).refuses()
    finally:
        process.kill()
        process.wait()
