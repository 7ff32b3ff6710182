"""A WAF for a developer's machine: it is there when entered, and gone when left."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.answers import held
from support.backends import Backend, containers
from support.client import exchange, request
from support.tree import bootable_tree, descendants, free_port, gone, with_stub, write_tree

from waf_builder.run import process as process_module
from waf_builder.run.process import RunError, WafProcess, require_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waf_builder.engine.model import Engine

RESOLVERS = ["127.0.0.1"]


@pytest.fixture
def backend() -> Iterator[Backend]:
    with containers() as (backend,):
        yield backend


@pytest.fixture
def tree(tmp_path: Path, engine: Engine, backend: Backend) -> Path:
    address = f"http://{backend.name}:{backend.port}"
    return bootable_tree(tmp_path / "a waf", engine, backend=address)


def ask(port: int, target: str = "/") -> int:
    return exchange(("127.0.0.1", port), request(target)).status


def children() -> set[int]:
    return descendants(os.getpid())


@pytest.mark.nginx
def test_serves_while_entered_and_leaves_nothing(tree):
    lines: list[str] = []
    before, port = children(), free_port()
    waf = WafProcess(tree, port=port, resolvers=RESOLVERS, on_line=lines.append)
    with waf:
        started = children() - before
        assert len(started) >= 3, "start-waf, nginx and a worker"
        assert waf.status is None
        assert [ask(port), ask(port, "/?a=attack")] == [200, 403]
    assert waf.status == 0
    assert gone(started)
    assert any(line.startswith(f"waf: listening on 127.0.0.1:{port}, ") for line in lines)
    assert sum('"status_code":' in line for line in lines) == 2, "the access log, to its last line"
    assert sum('"10001"' in line and '"transaction"' in line for line in lines) == 1
    assert (tree / "runtime/resolver.conf").read_text() == "resolver 127.0.0.1 ipv6=off;\n"


@pytest.mark.nginx
def test_leaving_answers_what_is_in_flight(tree, backend):
    release = threading.Event()
    backend.on("/held", held(release))
    with ThreadPoolExecutor() as pool:
        with WafProcess(tree, port=free_port(), resolvers=RESOLVERS) as waf:
            asked = pool.submit(ask, waf.port, "/held")
            backend.wait_for("/held")
            threading.Timer(0.3, release.set).start()
        assert asked.result() == 200
    assert waf.status == 0


@pytest.mark.nginx
def test_can_be_started_again(tree):
    waf = WafProcess(tree, port=free_port(), resolvers=RESOLVERS)
    for _ in range(2):
        with waf:
            assert ask(waf.port) == 200
        assert waf.status == 0


@pytest.mark.nginx
def test_ends_by_force_when_asking_takes_too_long(tree, backend):
    backend.on("/held", held(threading.Event()))
    before = children()
    with ThreadPoolExecutor() as pool:
        waf = WafProcess(tree, port=free_port(), resolvers=RESOLVERS)
        waf.start()
        started = children() - before
        asked = pool.submit(ask, waf.port, "/held")
        backend.wait_for("/held")
        assert waf.stop(timeout=0.3) == 137
        assert gone(started)
        assert isinstance(asked.exception(), (EOFError, OSError))
        backend.stop()


@pytest.mark.nginx
def test_an_error_inside_ends_it_too(tree):
    before = children()
    started: set[int] = set()

    def fail() -> None:
        with WafProcess(tree, port=free_port(), resolvers=RESOLVERS):
            started.update(children() - before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert started
    assert gone(started)


def test_a_taken_port_is_told_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        waf = WafProcess(tmp_path / "not even there", port=port)
        with pytest.raises(RunError) as caught:
            waf.start()
    assert str(caught.value) == (
        f"127.0.0.1:{port} is taken: another program listens there\n"
        "    Choose another port with --port, or end that program."
    )
    assert waf.status is None
    assert waf.stop() == 0


@pytest.mark.nginx
def test_another_server_on_the_port_is_not_taken_for_the_waf(tree, monkeypatch):
    """One that came between the look and the start."""
    monkeypatch.setattr(process_module, "require_free_port", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(RunError, match=rf"bind\(\) to 127.0.0.1:{port} failed"):
            WafProcess(tree, port=port, resolvers=RESOLVERS).start()


def test_an_address_of_another_machine_is_told():
    with pytest.raises(RunError) as caught:
        require_free_port("192.0.2.1", 8080)
    assert str(caught.value) == (
        "192.0.2.1:8080 cannot be used: this machine does not have that address"
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EADDRINUSE, "[::1]:80 is taken: another program listens there"),
        (errno.EACCES, "[::1]:80 needs root: choose a port from 1024 on with --port"),
        (errno.ENOBUFS, "[::1]:80 cannot be used: No buffer space available"),
    ],
)
def test_says_why_it_cannot_listen(monkeypatch, number, said):
    class Refusing(socket.socket):
        def bind(self, _address: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(RunError) as caught:
        require_free_port("::1", 80)
    assert str(caught.value).splitlines()[0] == said


@pytest.mark.nginx
def test_a_start_that_fails_has_the_words_of_nginx(tree):
    (tree / "nginx.conf").write_text("load_modules wrong;\n")
    waf = WafProcess(tree, port=free_port(), resolvers=RESOLVERS)
    with pytest.raises(RunError) as caught:
        waf.start()
    first, *said = str(caught.value).splitlines()
    assert first == "the WAF did not start (status 1)"
    assert any("[emerg] " in line and 'unknown directive "load_modules"' in line for line in said)
    assert all(line.startswith("    ") for line in said)
    assert waf.status == 1


def test_a_start_that_fails_has_the_words_of_start_waf(tmp_path):
    tree = with_stub(write_tree(tmp_path / "waf"))
    with pytest.raises(RunError) as caught:
        WafProcess(tree, port=free_port(), resolvers=["dns"]).start()
    assert str(caught.value) == (
        "the WAF did not start (status 1)\n"
        "    waf: error: WAF_RESOLVERS has 'dns', expected IPv4 or IPv6 addresses,"
        " as in '10.0.0.2 [::1]:5353'"
    )


def test_a_start_that_takes_too_long_ends(tmp_path):
    tree = with_stub(write_tree(tmp_path / "waf"))
    (tree / "engine/nginx").write_text("#!/bin/sh\necho $$ >runtime/stub\nexec sleep 300\n")
    waf = WafProcess(tree, port=free_port(), resolvers=RESOLVERS)
    with pytest.raises(RunError) as caught:
        waf.start(timeout=0.5)
    assert str(caught.value) == ("the WAF did not start within 0.5 s\n    It said nothing.")
    assert waf.status is not None
    assert gone({int((tree / "runtime/stub").read_text())})


def test_what_is_not_yet_bound_to_start_waf_ends_with_it(tmp_path, monkeypatch):
    """A process that forks and then asks to end with its parent does not, in between."""
    tree = with_stub(write_tree(tmp_path / "waf"))
    programs = tmp_path / "bin"
    programs.mkdir()
    slow = programs / "setpriv"
    start_waf_is_bound = f'[ "$3" = /bin/sh ] && exec {shutil.which("setpriv")} "$@"'
    nginx_is_not_yet = f"echo $$ >{tmp_path}/slow && exec sleep 300"
    slow.write_text(f"#!/bin/sh\n{start_waf_is_bound}\n{nginx_is_not_yet}\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(RunError, match="did not start within"):
        WafProcess(tree, port=free_port(), resolvers=RESOLVERS).start(timeout=0.5)
    assert gone({int((tmp_path / "slow").read_text())})
