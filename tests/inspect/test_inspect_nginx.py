"""Requests put to a real nginx, through the command as users type it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from waf_builder import cli
from waf_builder.inspect.nginx import BATCH, BATCH_BYTES, _batches
from waf_builder.inspect.request import HttpRequest

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

pytestmark = [pytest.mark.nginx, pytest.mark.together]

SPEC = """\
backend: {host: site.internal, port: 3000}
routes:
  - path: /
  - path: /detect/
    waf: {mode: detect}
  - path: /off/
    waf: {mode: "off"}
  - path: /read/
    methods: [GET]
logs: {access: "off"}
"""
ATTACK = "/search?q=1%20UNION%20SELECT%20password%20FROM%20users"


def entry(url: str) -> dict[str, object]:
    headers = [
        {"name": "User-Agent", "value": "Mozilla/5.0"},
        {"name": "Accept", "value": "*/*"},
    ]
    return {"request": {"method": "GET", "url": f"https://a.test{url}", "headers": headers}}


@pytest.fixture(scope="module")
def found(engine: Engine, tmp_path_factory: pytest.TempPathFactory):
    """What the command says of a HAR with many requests: one start serves them all."""
    folder = tmp_path_factory.mktemp("inspect")
    (folder / "backend.yaml").write_text(SPEC)
    urls = ["/", ATTACK, f"/detect{ATTACK}", f"/off{ATTACK}", "/read/x"]
    urls += [f"/n{number}?q=%3Cscript%3Ealert({number})%3C/script%3E" for number in range(250)]
    (folder / "x.har").write_text(json.dumps({"log": {"entries": [entry(url) for url in urls]}}))
    run = ask(folder, engine, str(folder / "x.har"), "--format", "json")
    assert run.exit_code == 3, run.output
    return [json.loads(line) for line in run.stdout.splitlines()]


def ask(folder: Path, engine: Engine, request: str, *options: str):
    command = ["inspect", str(folder / "backend.yaml"), request, "--engine", str(engine.root)]
    return CliRunner().invoke(cli.main, [*command, *options], catch_exceptions=False)


def test_each_route_answers_as_its_mode_says(found):
    assert [(one["verdict"], one["status"], one["route"]) for one in found[:5]] == [
        ("pass", 200, "/"),
        ("block", 403, "/"),
        ("detect", 200, "/detect/"),
        ("pass", 200, "/off/"),
        ("pass", 200, "/read/"),
    ]


def test_rules_and_what_they_matched_are_named(found):
    matches = {match["rule"]: match for match in found[1]["matches"]}
    assert {942100, 942190, 942270, 942360} <= set(matches)
    assert matches[942190]["target"] == "ARGS:q"
    assert matches[942190]["value"].lower() == "1 union select password from users"
    assert matches[942190]["paranoia_level"] == 1
    assert found[1]["score"] == sum(match["score"] for match in found[1]["matches"])
    assert found[1]["threshold"] == 5


def test_a_mode_that_is_off_matches_nothing(found):
    assert found[3]["matches"] == []


def test_no_answer_is_mixed_up_with_another(found):
    for number, one in enumerate(found[5:]):
        assert one["target"].startswith(f"/n{number}?")
        assert one["verdict"] == "block"
        assert any(f"alert({number})" in match["value"] for match in one["matches"])


def test_what_a_person_reads(engine: Engine, tmp_path: Path):
    (tmp_path / "backend.yaml").write_text(SPEC)
    run = ask(tmp_path, engine, "curl -X DELETE https://a.test/read/x")
    assert run.exit_code == 3
    assert run.stdout == (
        "DELETE /read/x\n  is refused before or beside the rules (status 405; route /read/)\n\n"
        "  If this is an ordinary request of your app, write at the route /read/:\n\n"
        "    methods: [GET, HEAD, DELETE]\n\n"
        "  New in it is DELETE. Where the spec has the key already, this replaces it.\n"
    )


def test_a_request_that_is_none_is_one_clear_error(engine: Engine, tmp_path: Path):
    (tmp_path / "backend.yaml").write_text(SPEC)
    run = ask(tmp_path, engine, "curl --nope https://a.test/")
    assert run.exit_code == 1
    assert "the curl option --nope is not known here" in run.stderr


def test_large_bodies_are_not_kept_for_long():
    body = bytes(BATCH_BYTES // 2)
    requests = [HttpRequest("POST", f"/{number}", (), body) for number in range(3)]
    assert [len(batch) for batch in _batches(requests)] == [2, 1]
    small = [HttpRequest("GET", "/", ())] * (BATCH + 1)
    assert [len(batch) for batch in _batches(small)] == [BATCH, 1]
    assert list(_batches([])) == []
