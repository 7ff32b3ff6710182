"""A WAF's own log, put to the spec that wrote it, and to stricter ones."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support import waf as wafs
from support.backends import containers

from waf_builder import cli

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

pytestmark = [pytest.mark.nginx, pytest.mark.together]

SPEC = """\
backend: {{host: 127.0.1.1, port: {port}}}
workers: 1
logs: {{query: full}}
"""
RULES = "backend: {host: site.internal, port: 3000}\n"
ATTACK = "q=1%20UNION%20SELECT%20password%20FROM%20users"
SCRIPT = "<script>alert(1)</script>"
ORDINARY = 12


@pytest.fixture(scope="module")
def log(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both logs of a WAF that was asked for ordinary things and attacks of several kinds."""
    folder = tmp_path_factory.mktemp("replay")
    folder.chmod(0o755)
    with containers(1) as found:
        wafs.render(SPEC.format(port=found[0].port), folder / "waf", engine)
        with wafs.running(folder / "waf", resolver="127.0.0.1:53") as waf:
            waf.await_backend("/")
            for number in range(ORDINARY):
                waf.ask(f"/posts/{number}/edit?page={number}")
                waf.ask(f"/posts/{number}?{ATTACK}")
            waf.ask("/sort?sort=name;%20--%20desc")
            waf.ask("/form", method="POST", body=b"text=" + SCRIPT.encode(), headers=FORM)
            waf.ask("/form", method="POST", body=b"text=hello", headers=FORM)
            waf.ask("/cookie", headers={"Cookie": f"a={SCRIPT}"})
            waf.ask("/items/7", method="DELETE")
            assert waf.has_audit("/cookie")
            waf.stop()
            (folder / "waf.log").write_text("\n".join(waf.stderr.lines + waf.stdout.lines))
    return folder / "waf.log"


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(params=["library", "nginx"])
def asked(engine: Engine, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who is asked, with the rules of an engine."""
    monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine.root))
    judge: str = request.param
    return judge


def played(judge: str, log: Path, spec: str, *options: str, status: int) -> str:
    file = log.with_name("backend.yaml")
    file.write_text(spec)
    command = ["replay", str(file), str(log), "--engine", judge, *options]
    run = CliRunner().invoke(cli.main, command, catch_exceptions=False)
    assert run.exit_code == status, run.output
    return run.stdout


def outcome(judge: str, log: Path, spec: str, *, status: int = 0):
    return json.loads(played(judge, log, spec, "--format", "json", status=status))


def test_its_own_spec_says_the_same_again(asked: str, log: Path):
    said = outcome(asked, log, RULES)
    assert (said["newly_refused"], said["newly_passing"], said["groups"]) == (0, 0, [])
    assert said["as_before"] >= 2 * ORDINARY + 3
    # What was refused for a body or a cookie cannot be found again.
    assert said["not_judged"] == {
        "refused_then_for_what_is_not_kept": 2,
        "refused_now_for_want_of_what_is_not_kept": 0,
        "no_answer": 0,
        "stopped_before_the_rules": 0,
        "unclear": 0,
        "other_hosts": 0,
    }
    assert (said["malformed"], said["judged_in_part"]) == (0, 2)


def test_a_stricter_spec_refuses_more(asked: str, log: Path):
    spec = f"{RULES}waf: {{paranoia_level: 4}}\nroutes: [{{path: /, methods: [GET, POST]}}]\n"
    said = outcome(asked, log, spec, status=3)
    groups = {one["path"]: one for one in said["groups"] if one["change"] == "refused"}
    assert groups["/items/*"]["status"] == 405
    assert groups["/sort"]["rule"] > 900_000
    assert groups["/sort"]["proposal"][0] == "exclusions:"
    assert said["newly_passing"] == 0


def test_what_it_proposes_lets_them_pass_again(asked: str, log: Path):
    spec = f"{RULES}waf:\n  paranoia_level: 4\n"
    said = outcome(asked, log, spec, status=3)
    lines = [line for one in said["groups"] for line in one["proposal"][1:]]
    healed = f"{spec}  exclusions:\n" + "".join(f"  {line}\n" for line in lines)
    after = outcome(asked, log, healed)
    assert after["newly_refused"] == 0
    assert after["newly_passing"] == 0, "the attacks are refused as before"


def test_a_laxer_spec_lets_more_pass(asked: str, log: Path):
    shown = played(asked, log, f"{RULES}routes: [{{path: /}}, {OFF}]\n", status=0)
    assert f"{ORDINARY:>11}  would newly pass\n" in shown
    assert f"{ORDINARY:>11}  942100  GET /posts/*\n" in shown


OFF = '{path: /posts, waf: {mode: "off"}}'


def test_standard_input(engine: Engine, log: Path, monkeypatch: pytest.MonkeyPatch):
    file = log.with_name("backend.yaml")
    file.write_text(RULES)
    command = ["replay", str(file), "-", "--engine", str(engine.root), "--format", "json"]
    run = CliRunner().invoke(cli.main, command, input=log.read_bytes(), catch_exceptions=False)
    assert run.exit_code == 0
    assert json.loads(run.stdout)["newly_refused"] == 0


def test_files_without_a_request_are_one_clear_error(engine: Engine, log: Path):
    other = log.with_name("other.log")
    other.write_text("hello\n{torn\n")
    log.with_name("backend.yaml").write_text(RULES)
    command = ["replay", str(log.with_name("backend.yaml")), str(other)]
    command += ["--engine", str(engine.root)]
    run = CliRunner().invoke(cli.main, command, catch_exceptions=False)
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr.endswith(
        "error: there is no request to replay in these files\n"
        f"    malformed: 1, such as {other}:2: not JSON, or not all of it\n"
        "    other lines, and what cannot be put to the WAF: 1\n"
        "    Expected a HAR file, or lines of the WAF's access log or audit log.\n"
    )


def test_who_watches_sees_how_far_it_is(engine: Engine, log: Path):
    """On a terminal a bar goes to its end, and nothing of it is in the output."""
    file = log.with_name("backend.yaml")
    file.write_text(RULES)
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "waf_builder", "replay", str(file), str(log)]
    run = subprocess.Popen(
        [*command, "--engine", str(engine.root)], stdout=subprocess.PIPE, stderr=inside, text=True
    )
    os.close(inside)
    seen = b""
    with contextlib.suppress(OSError):  # what reading a terminal that nobody has any more says
        while piece := os.read(terminal, 4096):
            seen += piece
    os.close(terminal)
    assert run.stdout
    with run.stdout:
        said = run.stdout.read()
    assert run.wait(timeout=30) == 0
    assert b"replay" in seen
    assert b"100%" in seen
    assert "%" not in said
    assert " requests, " in said
