"""A tree boots from wherever it lies, as whoever may run it, and says so in one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.client import exchange, request
from support.tree import (
    SUMMARY,
    boot,
    boot_environment,
    bootable_tree,
    descendants,
    free_port,
    gone,
    running,
    with_stub,
    write_tree,
)

from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waf_builder.engine.model import Engine

NOBODY = 65534
PUBLISHED = "expected a folder that waf-builder published"

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A tree whose engine ends at once."""
    return with_stub(write_tree(tmp_path / "waf"))


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def ask(port: int, target: str = "/?a=attack") -> int:
    return exchange(("127.0.0.1", port), request(target)).status


# Where it lies


@pytest.mark.nginx
@pytest.mark.parametrize("name", ["waf", "a folder with spaces", "quo'te", "dollar$name", "-dash"])
def test_boots_from_a_folder_of_any_name(tmp_path, engine, name):
    with running(bootable_tree(tmp_path / name, engine)) as waf:
        assert ask(waf.port) == 403


@pytest.mark.nginx
def test_boots_through_a_link_from_another_folder(tmp_path, engine):
    bootable_tree(tmp_path / "releases/1", engine)
    (tmp_path / "current").symlink_to("releases/1")
    (tmp_path / "elsewhere/current").mkdir(parents=True)
    for cwd, tree in ((tmp_path, "current"), (tmp_path / "releases", "../current/.")):
        with running(tree, cwd=cwd, CDPATH=str(tmp_path / "elsewhere")) as waf:
            assert ask(waf.port) == 403


@pytest.mark.nginx
def test_boots_after_it_was_moved(tmp_path, engine):
    bootable_tree(tmp_path / "build", engine)
    with running(tmp_path / "build"):
        pass
    (tmp_path / "build").rename(tmp_path / "app")
    with running(tmp_path / "app") as waf:
        assert ask(waf.port) == 403


@pytest.mark.parametrize("name", ["a*b", "a?b", "a[b]"])
def test_refuses_a_folder_that_reads_as_a_pattern(tmp_path, name):
    """Nginx would find nothing to include there, and not complain."""
    tree = with_stub(write_tree(tmp_path / name))
    result = boot(tree)
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: DIR is '{tree}', expected a path without * ? [\n",
    )


@pytest.mark.parametrize("missing", ["nginx.conf", "boot/listen.conf", "engine/nginx"])
def test_refuses_a_folder_that_is_no_tree(stub, missing):
    (stub / missing).unlink()
    result = boot(stub)
    linked = "expected what a deploy or 'waf-builder run' links to it"
    expected = linked if missing == "engine/nginx" else PUBLISHED
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: DIR is '{stub}' and has no {missing}, {expected}\n",
    )


@pytest.mark.parametrize("what", ["nothing", "file"])
def test_refuses_what_is_no_folder(tmp_path, what):
    (tmp_path / "file").touch()
    result = boot(tmp_path / what)
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: DIR is '{tmp_path / what}', {PUBLISHED}\n",
    )


@pytest.mark.parametrize("name", ["", "-"])
def test_does_not_take_the_current_folder_for_one_that_was_not_named(stub, name):
    result = boot(name, cwd=stub, OLDPWD=str(stub))
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: DIR is '{name}', {PUBLISHED}\n",
    )


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_takes_one_argument(arguments):
    result = subprocess.run(
        [start_waf(), *arguments],
        env=boot_environment(),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: got {len(arguments)} arguments, expected one: start-waf DIR\n",
    )


# What it says


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 worker, up to 160 MiB"), (3, "3 workers, up to 352 MiB")]
)
def test_says_where_it_listens(tmp_path, engine_old, number, words):
    tree = bootable_tree(tmp_path / "waf", engine_old)
    (tree / "boot/workers.conf").write_text(f"worker_processes {number};\n")
    with running(tree) as waf:
        assert waf.said[-1] == f"waf: listening on 127.0.0.1:{waf.port}, {words}, {SUMMARY}\n"


@pytest.mark.nginx
@pytest.mark.parametrize("stamp", [None, "{}", '{\n  "files": []\n}\n'])
def test_says_where_it_listens_when_there_is_no_summary(tmp_path, engine_old, stamp):
    tree = bootable_tree(tmp_path / "waf", engine_old)
    (tree / "waf-builder.json").unlink()
    if stamp is not None:
        (tree / "waf-builder.json").write_text(stamp)
    with running(tree, CONTAINER_MEMORY="1") as waf:
        assert waf.said[-1] == f"waf: listening on 127.0.0.1:{waf.port}, 1 worker, up to 160 MiB\n"


@pytest.mark.nginx
def test_listens_on_ipv6(tmp_path, engine):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    with running(bootable_tree(tmp_path / "waf", engine), WAF_ADDRESS="::1") as waf:
        assert waf.said[-1].startswith(f"waf: listening on [::1]:{waf.port}, ")
        socket.create_connection(("::1", waf.port), timeout=5).close()


@pytest.mark.nginx
def test_a_taken_port_is_told_by_nginx(tmp_path, engine_old):
    tree = bootable_tree(tmp_path / "waf", engine_old)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = boot(tree, PORT=str(port), WAF_ADDRESS="127.0.0.1")
    assert result.returncode == 1
    assert f"bind() to 127.0.0.1:{port} failed" in result.stderr
    assert "waf: listening" not in result.stderr


# Its streams


@pytest.mark.nginx
def test_both_logs_are_whole_in_a_file(tmp_path, engine):
    """What was written by one descriptor must not be overwritten by the other."""
    tree = bootable_tree(tmp_path / "waf", engine)
    port = free_port()
    with (tmp_path / "log").open("w") as log, (tmp_path / "audit").open("w") as audit:
        process = subprocess.Popen(
            [start_waf(), tree],
            env=boot_environment(PORT=str(port), WAF_ADDRESS="127.0.0.1"),
            stdout=audit,
            stderr=log,
        )
    try:
        while "waf: listening" not in (tmp_path / "log").read_text():
            assert process.poll() is None
            time.sleep(0.01)
        assert [ask(port) for _ in range(20)] == [403] * 20
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [
        json.loads(line)["http"]["response"]["status_code"]
        for line in lines
        if line.startswith("{")
    ] == [403] * 20
    denied = [line for line in lines if re.search(r"\[error\] .*Access denied with code 403", line)]
    assert len(denied) == 20
    audit_lines = (tmp_path / "audit").read_text().splitlines()
    rules = [json.loads(line)["transaction"]["messages"][0]["details"] for line in audit_lines]
    assert [rule["ruleId"] for rule in rules] == ["10001"] * 20


def cannot_be_opened(stream: str, user: int) -> str:
    return (
        f"waf: error: /dev/{stream} cannot be opened by user {user}, expected a pipe, a file"
        " or a terminal of that user; the logs go there\n"
    )


def test_refuses_a_closed_stdout(stub):
    """ModSecurity would lose its audit log without a word."""
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$1" >&-', start_waf(), stub],
        env=boot_environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=10,
        check=False,
    )
    assert (result.returncode, result.stderr) == (1, cannot_be_opened("stdout", os.getuid()))


def test_refuses_a_closed_stderr(stub):
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$1" 2>&-', start_waf(), stub],
        env=boot_environment(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=10,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert not (stub / "runtime").exists()


def test_refuses_a_socket_for_stdout(stub):
    ours, its = socket.socketpair()
    with ours, its:
        result = subprocess.run(
            [start_waf(), stub],
            env=boot_environment(),
            stdout=its,
            stderr=subprocess.PIPE,
            text=True,
            timeout=10,
            check=False,
        )
    assert (result.returncode, result.stderr) == (1, cannot_be_opened("stdout", os.getuid()))


# As another user


@needs_root
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_refuses_a_stream_of_another_user(shared, stream):
    tree = with_stub(write_tree(shared / "waf"))
    reading, writing = os.pipe()
    os.fchown(writing, NOBODY, NOBODY)
    theirs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if stream == "stderr":
        theirs["stdout"] = writing
    result = subprocess.run(
        [_readable(start_waf(), shared), tree],
        env=boot_environment(),
        text=True,
        timeout=10,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        **theirs,
    )
    os.close(reading)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, cannot_be_opened(stream, NOBODY))


@needs_root
@pytest.mark.parametrize("existing", [False, True])
def test_refuses_a_runtime_folder_of_another_user(shared, existing):
    tree = with_stub(write_tree(shared / "waf"))
    if existing:
        (tree / "runtime/temp").mkdir(parents=True)
    assert _as_nobody(shared, tree) == (
        f"waf: error: {tree}/runtime cannot be written by user {NOBODY},"
        " expected a folder of that user\n"
    )


@needs_root
@pytest.mark.nginx
def test_another_user_needs_only_the_runtime_folder(shared, engine):
    """The tree is root's, and read-only to whoever runs it, as in a container."""
    if not _nobody_can_read(engine):
        pytest.skip(f"only root can read the engine in {engine.root}")
    tree = bootable_tree(shared / "waf", engine)
    (tree / "runtime").mkdir()
    os.chown(tree / "runtime", NOBODY, NOBODY)
    before = _contents(tree)
    port = free_port()
    process, stderr = _start_as_nobody(shared, tree, port)
    try:
        with os.fdopen(stderr) as said:
            assert any(line.startswith("waf: listening on ") for line in iter(said.readline, ""))
            assert ask(port) == 403
            started = descendants(process.pid)
            process.terminate()
            assert process.wait(timeout=10) == 0
            assert gone(started)
    finally:
        process.kill()
        process.wait()
    assert _contents(tree) == before


def _contents(tree: Path) -> dict[str, bytes | None]:
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in tree.rglob("*")
        if "runtime" not in path.parts
    }


def _nobody_can_read(engine: Engine) -> bool:
    return not subprocess.run(
        ["/usr/bin/test", "-r", engine.nginx, "-a", "-r", engine.module],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        timeout=10,
        check=False,
    ).returncode


def _readable(script: Path, shared: Path) -> Path:
    """Copy the script to where every user can read it; a checkout may lie in a private home."""
    return Path(shutil.copy(script, shared / "start-waf"))


def _start_as_nobody(shared: Path, tree: Path, port: int) -> tuple[subprocess.Popen[str], int]:
    """Start it with pipes of that user, as a container engine does; return stderr's read end."""
    reading, writing = os.pipe()
    os.fchown(writing, NOBODY, NOBODY)
    process = subprocess.Popen(
        [_readable(start_waf(), shared), tree],
        env=boot_environment(PORT=str(port), WAF_ADDRESS="127.0.0.1"),
        stdout=writing,
        stderr=writing,
        text=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    os.close(writing)
    return process, reading


def _as_nobody(shared: Path, tree: Path) -> str:
    process, reading = _start_as_nobody(shared, tree, 8080)
    with os.fdopen(reading) as stderr:
        assert process.wait(timeout=10) == 1
        return stderr.read()
