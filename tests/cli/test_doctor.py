"""`waf-builder doctor` as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.answers import text
from support.backends import containers
from support.dns import NameServer
from support.tree import bootable_tree

from waf_builder import cli

CHECKOUT = Path(__file__).parents[2]


def doctor(*arguments: object, **environ: str | None):
    quiet = dict.fromkeys(
        ("PORT", "CONTAINER", "CONTAINER_MEMORY", "WAF_MODE", "WAF_RESOLVERS",
         "SCALINGO_PRIVATE_NETWORK_ID")
    )  # fmt: skip
    command = ["doctor", *map(str, arguments)]
    return CliRunner().invoke(cli.main, command, env={**quiet, **environ}, catch_exceptions=False)


def still(said: str) -> str:
    """Return what was said with what differs each time replaced."""
    said = re.sub(r"\d+\.\d ms", "T", said)
    said = re.sub(r"^(open files  +ok +).*$", r"\1N", said, flags=re.MULTILINE)
    return re.sub(r"^processes .*$", "processes", said, flags=re.MULTILINE)


@pytest.mark.nginx
def test_a_backend_that_works(tmp_path, engine_new):
    tree = bootable_tree(tmp_path / "waf", engine_new)
    spec = tmp_path / "backend.yaml"
    with NameServer() as names, containers(1) as (one,):
        one.on("/", text(b"hello", headers=[("Server", "unicorn")]))
        names.set("api.internal", one.name)
        spec.write_text(f"backend: {{host: api.internal, port: {one.port}}}\nworkers: 2\n")
        result = doctor(
            spec, "--resolver", names.address, "--engine", engine_new.root,
            PORT="3000", CONTAINER_MEMORY=str(512 << 20),
        )  # fmt: skip
        expected = f"""\
check                result   seen
spec                 ok       {spec}: 1 backend, 1 route
variables            ok       the spec needs none at boot
name servers         ok       {names.address}
backend: process     skipped  the spec names a host, not an app of the platform
backend: network     skipped  the spec names a host, not an app of the platform
backend: name        ok       127.0.1.1 for 5 s, no AAAA
backend: addresses   skipped  the spec names a host, not an app of the platform
backend: connection  ok       port {one.port}: 127.0.1.1 in T
backend: page        ok       GET /: 127.0.1.1 200 in T (unicorn)
PORT                 ok       3000
WAF_MODE             ok       not set: the spec's modes hold
stdout               ok       can be opened
stderr               ok       can be opened
workers              ok       2 workers as the spec says, up to 256 MiB of 512
max_body             ok       inspecting one body of 10 MiB may take 220 MiB, so 2 fit at a time
open files           ok       N
processes
engine               ok       nginx {engine_new.nginx_version}, \
libmodsecurity {engine_new.modsecurity_version}, connector {engine_new.connector_version}, \
Core Rule Set {engine_new.crs.version}
tree                 skipped  none is named with --tree

all is well
"""
    assert still(result.output) == expected
    assert result.exit_code == 0
    assert tree.is_dir()


def test_a_failure_is_explained_and_counts(tmp_path):
    spec = tmp_path / "backend.yaml"
    with containers(1) as (one,):
        one.stop()
        spec.write_text(f"backend: {{host: {one.name}, port: {one.port}}}\n")
        result = doctor(spec, "--engine", tmp_path / "none", WAF_MODE="detect")
    assert result.exit_code == 1
    assert (
        still(result.output).partition("\n\n")[2]
        == """\
backend: connection:
  The container is there, and nothing listens on this port: is `port` right, and does the
  app listen on 0.0.0.0 rather than on 127.0.0.1?

WAF_MODE:
  This is the emergency brake. Remove the variable and restart to block again.

engine:
  Expected `system`, `apt`, `platform`, or a folder with usr/sbin/nginx.

2 failures, 1 warning
"""
    )
    assert f"engine               failed   no engine in {tmp_path / 'none'}" in result.output


def test_a_warning_alone_does_not_fail(tmp_path, engine_new):
    spec = tmp_path / "backend.yaml"
    with containers(1) as (one,):
        spec.write_text(f"backend: {{host: {one.name}, port: {one.port}}}\n")
        result = doctor(spec, "--engine", engine_new.root, WAF_MODE="detect")
    assert result.output.endswith("\n1 warning\n")
    assert result.exit_code == 0


def test_json_has_every_key(tmp_path):
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: 127.0.0.1, port: 9}\n")
    result = doctor(spec, "--format", "json", "--engine", tmp_path / "none")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["ok"] is False
    assert [set(check) for check in report["checks"]] == [
        {"check", "result", "seen", "hint"}
    ] * len(report["checks"])
    assert {check["result"] for check in report["checks"]} <= {"ok", "warning", "failed", "skipped"}
    assert report["checks"][0] == {
        "check": "spec",
        "result": "ok",
        "seen": f"{spec}: 1 backend, 1 route",
        "hint": "",
    }


def test_a_name_server_that_is_none_is_wrong_usage(tmp_path):
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: 127.0.0.1, port: 9}\n")
    result = doctor(spec, "--resolver", "dns.example.com")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Invalid value for --resolver: 'dns.example.com' is not a name server,"
        " expected an IPv4 or IPv6 address, perhaps with a port: 10.0.0.2, [::1]:5353\n"
    )


def test_no_secret_is_shown(tmp_path):
    """Neither one that stands in the wrong variable, nor any other of the environment."""
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {process: api, port: 3000, app_id: '${API_APP_ID}'}\n")
    pasted = "correct-horse-battery"
    for form in ("text", "json"):
        result = doctor(spec, "--format", form, API_APP_ID=pasted, DATABASE_URL=f"pg://x:{pasted}")
        assert result.exit_code == 1
        assert pasted not in result.output


def test_runs_as_a_program(tmp_path):
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: 127.0.0.1, port: 9}\n")
    run = subprocess.run(
        [sys.executable, "-m", "waf_builder", "doctor", spec, "--engine", tmp_path],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert "\x1b" not in run.stdout, "no colours into a pipe"
    assert run.stdout.startswith("check ")
