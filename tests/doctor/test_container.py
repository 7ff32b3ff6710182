from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from waf_builder.doctor.container import check_mode, check_port, check_stream
from waf_builder.doctor.result import failed, ok, skipped, warning

PORT_HINT = "start-waf listens on $PORT, which the platform sets for the web process."


@pytest.mark.parametrize("port", ["1", "3000", "65535"])
def test_a_port_is_ok(here, port):
    assert check_port(here(PORT=port)) == ok("PORT", port)


@pytest.mark.parametrize(
    ("port", "shown"), [("0", "'0'"), ("65536", "'65536'"), ("http\n", r"'http?'")]
)
def test_what_is_no_port_fails(here, port, shown):
    assert check_port(here(PORT=port)) == failed(
        "PORT", f"{shown}, expected a number from 1 to 65535", PORT_HINT
    )


def test_a_web_container_needs_a_port(here):
    assert check_port(here(CONTAINER="web-1")) == failed("PORT", "not set", PORT_HINT)


@pytest.mark.parametrize("environ", [{}, {"CONTAINER": "one-off-1234"}])
def test_elsewhere_no_port_is_needed(here, environ):
    assert check_port(here(**environ)) == skipped(
        "PORT", "not set here; the platform sets it for the web process"
    )


def test_the_brake_is_told(here):
    assert check_mode(here(WAF_MODE="detect")) == warning(
        "WAF_MODE",
        "detect: nothing is blocked, whatever the spec says",
        "This is the emergency brake. Remove the variable and restart to block again.",
    )


def test_no_brake_is_ok(here):
    assert check_mode(here()) == ok("WAF_MODE", "not set: the spec's modes hold")
    assert check_mode(here(WAF_MODE="block")) == ok("WAF_MODE", "block")


@pytest.mark.parametrize("mode", ["off", "Detect", " detect"])
def test_another_mode_stops_the_boot(here, mode):
    assert check_mode(here(WAF_MODE=mode)) == failed(
        "WAF_MODE", f"{mode!r}, expected block, detect or nothing", "start-waf stops here."
    )


CHECK = """\
import sys
from waf_builder.doctor.container import check_stream
result = check_stream("stdout", "/dev/stdout")
sys.stderr.write("\\n".join([result.outcome.value, result.seen, result.hint]))
"""


def on(stdout: int) -> str:
    """Return what a program with this standard output finds about it."""
    return subprocess.run(
        [sys.executable, "-c", CHECK],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
        timeout=30,
        check=True,
    ).stderr


def test_a_pipe_can_be_opened():
    assert on(subprocess.PIPE) == "ok\ncan be opened\n"


def test_a_file_can_be_opened(tmp_path):
    with (tmp_path / "log").open("w") as log:
        assert on(log.fileno()) == "ok\ncan be opened\n"


def test_a_socket_cannot_be_opened():
    ours, its = socket.socketpair()
    with ours, its:
        assert on(its.fileno()) == (
            f"failed\n/dev/stdout cannot be opened by user {os.getuid()}:"
            " No such device or address\n"
            "The logs go there by that name. Give it a pipe, a file or a terminal of that user,\n"
            "as in `start-waf DIR > >(cat)`."
        )


def test_a_stream_that_is_not_there():
    result = check_stream("stderr", "/nowhere/stderr")
    assert (result.check, result.seen) == (
        "stderr",
        f"/nowhere/stderr cannot be opened by user {os.getuid()}: No such file or directory",
    )
