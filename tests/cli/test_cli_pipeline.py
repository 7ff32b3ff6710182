"""The library calls behind the commands: a stand-in backend, a target, problems where they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from specs import APP_ID, NETWORK_ID, SMALLEST, spec_of

from waf_builder.cli import main
from waf_builder.config.build import NEWEST, build
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.pipeline import Choice, prove, render_for_run, render_spec, with_backend
from waf_builder.render.render import render
from waf_builder.spec.model import Backend
from waf_builder.target import find_target
from waf_builder.version import Version

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

LOCAL = Backend(host="127.0.0.1", port=3000)


@pytest.fixture(autouse=True)
def _nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAF_BUILDER_ENGINE", "WAF_BUILDER_CRS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST,
        SMALLEST + "  index: 2\n  sticky: client_ip\n",
        f'backend: {{process: "${{P}}", port: "${{PORT_X}}", app_id: {APP_ID}}}\n',
        'backend: {host: "${H}", port: 80}\n',
        (
            "backends:\n  a: {host: a.internal, port: 80, balance: random}\n"
            f"  b: {{process: web, port: 81, app_id: {APP_ID}, network_id: {NETWORK_ID}}}\n"
            "routes: [{path: /, backend: a}, {path: /b, backend: b}]\n"
        ),
    ],
)
def test_a_stand_in_takes_the_place_of_every_address_and_of_nothing_else(text: str):
    spec = spec_of(text)
    changed = with_backend(spec, LOCAL)

    assert spec.all_backends().keys() == changed.all_backends().keys()
    for name, backend in changed.all_backends().items():
        old = spec.all_backends()[name]
        assert (backend.host, backend.port) == ("127.0.0.1", 3000)
        for knob in ("balance", "sticky", "keepalive", "retries", "timeouts", "host_header"):
            assert getattr(backend, knob) == getattr(old, knob)
    assert changed.all_routes() == spec.all_routes()
    config = build(changed)
    assert {backend.address for backend in config.backends} == {"127.0.0.1:3000"}
    assert config.boot_fields == ()
    assert not config.resolves
    assert "@BACKEND" not in "".join(render(config).values())


def test_a_stand_in_in_the_rendered_tree(tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SMALLEST, encoding="utf-8")

    rendered = render_spec(spec, Choice(engine="none"), backend=LOCAL, environ={})

    assert "server 127.0.0.1:3000 max_fails" in rendered.tree["nginx.conf"]
    assert APP_ID not in rendered.tree["nginx.conf"]
    assert prove(rendered) == []


def test_no_engine_is_the_newest_target():
    assert find_target(Choice(engine="none")) == (NEWEST, None, [])


@pytest.mark.parametrize(
    ("choice", "nginx", "crs"),
    [
        (Choice("none", nginx_version="1.22.1"), Version(1, 22, 1), NEWEST.crs),
        (Choice("none", crs="3.3.4"), NEWEST.nginx, Version(3, 3, 4)),
        (Choice("none", crs="3", nginx_version="1.27.3"), Version(1, 27, 3), None),
    ],
)
def test_versions_that_are_named(choice: Choice, nginx: Version, crs: Version | None):
    target, engine, problems = find_target(choice)

    assert (target.nginx, engine, problems) == (nginx, None, [])
    assert crs is None or target.crs == crs
    assert str(target.crs).startswith(choice.crs or "")


def test_the_environment_names_what_the_command_line_does_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none")
    monkeypatch.setenv("WAF_BUILDER_CRS", "3.3.4")

    assert find_target(Choice())[0].crs == Version(3, 3, 4)
    assert find_target(Choice(crs="4.25.1"))[0].crs == Version(4, 25, 1)
    with pytest.raises(WafBuilderError, match="no engine in /nowhere"):
        find_target(Choice(engine="/nowhere"))


def test_warnings_of_a_spec_come_along(tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SMALLEST.replace("myappbackend", "web"), encoding="utf-8")

    rendered = render_spec(spec, Choice(engine="none"), environ={})

    assert [problem.code for problem in rendered.problems] == ["spec.process-public"]


def test_errors_of_a_spec_stop_before_an_engine_is_looked_for(tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text("{}", encoding="utf-8")

    with pytest.raises(ProblemsError, match="no backend to protect"):
        render_spec(spec, Choice(engine="/nowhere"), environ={})


def test_a_run_without_an_engine_is_refused(tmp_path: Path):
    with pytest.raises(WafBuilderError, match="a run needs an engine"):
        render_for_run(tmp_path / "backend.yaml", Choice(engine="none"), None, print)


def with_rules(folder: Path, **files: str) -> Path:
    spec = folder / "backend.yaml"
    spec.write_text(SMALLEST, encoding="utf-8")
    rules = folder / "waf/rules/before-crs"
    rules.mkdir(parents=True)
    for name, text in files.items():
        (rules / f"{name}.conf").write_text(text, encoding="utf-8")
    return spec


@pytest.mark.nginx
def test_problems_name_the_files_that_the_user_wrote(tmp_path: Path, engine: Engine):
    """In their place and in their message; nothing else is told of a file with a mistake."""
    own = 'SecAction "id:10001,phase:2,pass"\n'
    spec = with_rules(tmp_path, a=own, b=own, c="\ufeff" + own.replace("1,", "2,", 1))
    rendered = render_spec(spec, Choice(engine=str(engine.root)))
    assert "crs.not-compiled" not in {problem.code for problem in rendered.problems}
    with pytest.raises(ProblemsError) as caught:
        prove(rendered)
    rules = spec.parent / "waf/rules/before-crs"
    assert {str(one.place): one.message for one in caught.value.problems} == {
        f"{rules}/b.conf:1:12": f"rule id 10001 is already in use at {rules}/a.conf:1:12",
        f"{rules}/c.conf:1:1": (
            "the file begins with a byte order mark, which libmodsecurity refuses"
        ),
    }


@pytest.mark.nginx
def test_an_id_of_the_rule_set_is_told_of_in_the_users_file_alone(tmp_path: Path, engine: Engine):
    spec = with_rules(tmp_path, a='SecAction "id:942100,phase:2,pass"\n')
    with pytest.raises(ProblemsError) as caught:
        prove(render_spec(spec, Choice(engine=str(engine.root))))
    file = spec.parent / "waf/rules/before-crs/a.conf"
    assert [(str(one.place), one.code) for one in caught.value.problems] == [
        (f"{file}:1:12", "seclang.reserved-id"),
        (f"{file}:1:12", "seclang.duplicate-id"),
    ]


def test_problems_name_the_template_whose_line_they_are_about(tmp_path: Path):
    """Or show the line: nginx.conf, which they would name, is not published."""
    spec = with_rules(tmp_path)
    templates = tmp_path / "waf/templates"
    templates.mkdir()
    (templates / "server.conf.j2").write_text(
        '{% extends "builtin:server.conf.j2" %}\n{% block server_extra %}\n'
        '        add_heade X-A b;\n        {{ "add_heade" }} X-B b;\n{% endblock %}\n',
        encoding="utf-8",
    )
    with pytest.raises(ProblemsError) as caught:
        prove(render_spec(spec, Choice(engine="none"), environ={}))
    written, printed = caught.value.problems
    assert str(written.place) == f"{templates}/server.conf.j2:3"
    assert written.hint == "Did you mean 'add_header'?"
    assert printed.place
    assert printed.place.file == "nginx.conf"
    assert printed.hint == "Did you mean 'add_header'?\nThe line is: add_heade X-B b;"


@pytest.mark.nginx
def test_what_is_not_compiled_for_names_the_file_that_the_user_wrote(
    tmp_path: Path, engine: Engine
):
    spec = with_rules(tmp_path, a="# mine\nSecRemoteRules k https://a.example/\n")
    rendered = render_spec(spec, Choice(engine=str(engine.root)))
    (told,) = (one for one in rendered.problems if one.code == "crs.not-compiled")
    assert str(told.place) == f"{spec.parent}/waf/rules/before-crs/a.conf:2:1"


@pytest.mark.nginx
def test_a_comparison_of_rules_tells_of_a_mistake_first(tmp_path: Path, engine_new: Engine):
    spec = with_rules(tmp_path, a='SecRule ARGS "@rx a\n')
    result = CliRunner().invoke(
        main, ["crs", "verify", str(spec), "--engine", str(engine_new.root)]
    )
    assert result.exit_code == 1
    assert "/waf/rules/before-crs/a.conf:1:14: error: the double quote is not" in result.stderr
    assert "nothing to compare" not in result.stderr
