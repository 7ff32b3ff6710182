"""The examination as a whole: its order, what follows from what, and its time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.answers import held
from support.backends import containers

from waf_builder.doctor import examine as module
from waf_builder.doctor.examine import Options, examine
from waf_builder.doctor.here import Here
from waf_builder.doctor.resolvers import parse_server
from waf_builder.doctor.result import Outcome, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from waf_builder.doctor.result import Result

APP = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"
PN = "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"
NAME = f"api.{APP}.{PN}.private-network.internal"
MACHINE = [
    "PORT", "WAF_MODE", "stdout", "stderr", "workers", "max_body", "open files", "processes",
    "engine", "tree",
]  # fmt: skip


@pytest.fixture
def look(tmp_path, here, monkeypatch) -> Callable[..., list[Result]]:
    """Examine a spec on a machine with an engine, asking these name servers."""
    monkeypatch.setattr(module, "check_engine", lambda _where, _crs: ok("engine", "there"))

    def run(text: str, *resolvers: str, seconds: float = 10, **environ: str) -> list[Result]:
        file = tmp_path / "backend.yaml"
        file.write_text(text)
        machine = here(WAF_RESOLV_CONF="/nowhere", **environ)
        machine = Here(machine.environ, 2, machine.cgroup, time.monotonic() + seconds)
        return examine(file, Options(tuple(parse_server(one) for one in resolvers)), machine)

    return run


def outcomes(results: list[Result]) -> dict[str, str]:
    return {
        result.check.partition(": ")[2]: result.outcome.value
        for result in results
        if ": " in result.check
    }


def test_everything_in_order(look, names):
    with containers(1) as (one,):
        names.set(NAME, one.name)
        spec = f"backend: {{process: api, port: {one.port}, app_id: {APP}}}\n"
        results = look(spec, names.address, SCALINGO_PRIVATE_NETWORK_ID=PN, PORT="3000")
    checks = ["process", "network", "name", "addresses", "connection", "page"]
    assert [result.check for result in results] == [
        "spec", "variables", "name servers", *(f"backend: {check}" for check in checks), *MACHINE,
    ]  # fmt: skip
    # The test's backend is on loopback, which no private network is.
    odd = [result.check for result in results if result.outcome is Outcome.WARNING]
    assert odd == ["backend: addresses"]
    assert not [result for result in results if result.outcome is Outcome.FAILED]


def test_several_backends_have_their_names(look, names):
    with containers(2) as (one, two):
        names.set("one.internal", one.name)
        results = look(
            f"""\
backends:
  site: {{host: one.internal, port: {one.port}}}
  api: {{host: {two.name}, port: {two.port}}}
routes: [{{path: /, backend: site}}, {{path: /api/, backend: api}}]
""",
            names.address,
        )
        two.only("/api/")
    found = {result.check: result.outcome.value for result in results}
    assert found["backend site: name"] == "ok"
    assert found["backend site: page"] == "ok"
    assert found["backend api: name"] == "skipped"
    assert found["backend api: page"] == "ok"


def test_without_a_variable_nothing_of_the_backend_is_known(look, names):
    results = look(f"backend: {{process: api, port: 3000, app_id: {APP}}}\n", names.address)
    assert outcomes(results) == dict.fromkeys(
        ["network", "name", "addresses", "connection", "page"], "skipped"
    ) | {"process": "ok"}
    assert next(one for one in results if one.check == "variables").outcome is Outcome.FAILED


def test_without_a_name_server_no_name_is_asked(look):
    results = look("backend: {host: api.internal, port: 3000}\n")
    found = {result.check: (result.outcome.value, result.seen) for result in results}
    assert found["name servers"] == ("failed", "/nowhere names no usable name server")
    assert found["backend: name"] == ("skipped", "there is no name server")
    assert found["backend: page"] == ("skipped", "there is no name server")


def test_without_an_address_nothing_is_connected_to(look, names):
    results = look("backend: {host: api.internal, port: 3000}\n", names.address)
    found = {result.check: (result.outcome.value, result.seen) for result in results}
    assert found["backend: name"][0] == "failed"
    assert found["backend: page"] == ("skipped", "the name has no address")


def test_without_a_connection_no_page_is_asked_for(look):
    with containers(1) as (one,):
        one.stop()
        results = look(f"backend: {{host: {one.name}, port: {one.port}}}\n")
    found = {result.check: (result.outcome.value, result.seen) for result in results}
    assert found["backend: connection"][0] == "failed"
    assert found["backend: page"] == ("skipped", "there is no connection")


def test_a_spec_in_error_leaves_only_the_engine_to_look_at(look):
    spec, engine = look("backend: {host: api.internal, port: 70000}\n")
    assert (spec.outcome, engine) == (Outcome.FAILED, ok("engine", "there"))
    assert spec.seen.endswith("backend.yaml: 1 error")
    assert "70000 is not a port, expected 1-65535" in spec.hint


def test_a_spec_that_is_not_there(tmp_path, here, look):
    results = examine(tmp_path / "none.yaml", Options(), here())
    assert (results[0].outcome, results[0].seen) == (
        Outcome.FAILED,
        f"there is no {tmp_path / 'none.yaml'}",
    )


def test_two_variables_in_one_value_are_taken_as_the_build_takes_them(look, names):
    with containers(1) as (one,):
        names.set("a.b", one.name)
        spec = f"backend: {{host: '${{A}}.${{B}}', port: {one.port}}}\n"
        assert outcomes(look(spec, names.address, A="a", B="b"))["page"] == "ok"


def test_what_hangs_has_failed_in_time(look):
    release = threading.Event()
    began = time.monotonic()
    with containers(1) as (one,):
        one.on("/", held(release))
        results = look(f"backend: {{host: {one.name}, port: {one.port}}}\n", seconds=0.5)
        release.set()
    assert time.monotonic() - began < 5
    assert outcomes(results)["connection"] == "ok"
    page = next(result for result in results if result.check == "backend: page")
    assert page.outcome is Outcome.FAILED
    assert page.seen.startswith("GET /: 127.0.1.1 no answer within 0.")


def test_a_check_that_never_ends_does_not_hold_up_the_others(look, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(module, "check_engine", lambda _where, _crs: release.wait(30))
    results = look("backend: {host: 127.0.0.1, port: 9}\n", seconds=0.2)
    release.set()
    engine = next(result for result in results if result.check == "engine")
    assert (engine.outcome, engine.seen, engine.hint) == (
        Outcome.FAILED,
        "not done in time",
        "Nothing else is known of it: run the doctor again, or look there yourself.",
    )
    assert [result.check for result in results][-len(MACHINE) :] == MACHINE


def test_a_bug_stays_a_traceback(look, monkeypatch):
    def broken(_where: object, _crs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "check_engine", broken)
    with pytest.raises(ZeroDivisionError):
        look("backend: {host: 127.0.0.1, port: 9}\n")
