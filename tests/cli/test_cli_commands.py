"""Every command as people call it: exit status, and the exact text of what they see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from specs import APP_ID, NETWORK_ID, SMALLEST, spec_of
from support.cases import for_each

from waf_builder import __version__
from waf_builder.cli import main
from waf_builder.errors import WafBuilderError
from waf_builder.paths import builtin_templates
from waf_builder.render.publish import STAMP, read_tree
from waf_builder.spec.model import Corrections, ExtraDetection
from waf_builder.spec.presets import PRESETS

NEWEST = "nginx 1.30.4, libmodsecurity 3.0.16, CRS 4.25.1"
WEB = SMALLEST.replace("myappbackend", "web")
WEB_WARNING = (
    "backend.yaml:2:12: warning: backend.process is 'web': it is reachable from outside, past the"
    " WAF [spec.process-public]\n"
    "    Give the process another name in the backend's Procfile, and scale web to 0.\n"
)
BROKEN = SMALLEST.replace("3000", '"3000"') + "wfa: {}\n"
BROKEN_PROBLEMS = (
    "backend.yaml:3:9: error: backend.port: '3000' is quoted, expected a number: 3000"
    " [spec.port-quoted]\n"
    "backend.yaml:6:1: error: wfa: unknown key 'wfa' [spec.unknown-key]\n"
    "    Did you mean 'waf'?\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, on a machine without an engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none")
    return tmp_path


@pytest.fixture
def spec() -> Path:
    file = Path("backend.yaml")
    file.write_text(SMALLEST, encoding="utf-8")
    return file


def run(*arguments: str, **options: object) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False, **options)
    assert "\x1b" not in result.output  # colours are for terminals
    return result


def seen(result: Result) -> tuple[int, str, str]:
    return (result.exit_code, result.stdout, result.stderr)


def write(text: str) -> None:
    Path("backend.yaml").write_text(text, encoding="utf-8")


# The group


def test_version():
    assert seen(run("--version")) == (0, f"waf-builder, version {__version__}\n", "")


def test_help_names_every_command_in_the_order_in_which_people_meet_them():
    result = run("--help")

    listed = [
        line.split()[0]
        for line in result.stdout.split("Commands:\n")[1].splitlines()
        if line.startswith("  ") and not line.startswith("   ")
    ]
    assert listed[:4] == ["init", "validate", "render", "check"]
    assert set(listed) == set(main.commands)
    assert result.stdout == run("-h").stdout


@for_each("group", ["", "crs", "templates"])
def test_every_summary_fits_on_80_columns(group: str):
    listed = run(*group.split(), "--help").stdout.split("Commands:\n")[1]

    assert listed.strip()
    assert "..." not in listed


@for_each("command", sorted(main.commands))
def test_every_command_has_a_summary_and_an_example(command: str):
    subcommands = getattr(main.commands[command], "commands", {})
    for name in subcommands or [""]:
        result = run(command, *([name] if name else []), "--help")

        assert result.exit_code == 0
        assert f"Example: waf-builder {command} {name}".rstrip() in result.stdout


@for_each(
    ("arguments", "last_line"),
    [
        (["rendr"], "Error: No such command 'rendr'."),
        (["render"], "Error: Missing argument 'SPEC'."),
        (["render", "backend.yaml", "--outptu"], "--outptu"),
        (["render", "x", "-o", "a", "--diff", "b"], "Error: -o and --diff exclude each other"),
        (["validate", "x", "--format", "xml"], "'xml' is not one of 'text', 'json'."),
        (
            ["run", "x", "--demo", "--backend", "y"],
            "Error: --backend and --demo exclude each other",
        ),
        (["run", "x", "--port", "70000"], "70000 is not in the range 1<=x<=65535."),
        (["init", "--host", "a", "--app-id", "b"], "stands instead of --domain and --app-id"),
        (["init"], "Error: --app-id is missing, and there is nobody to ask"),
        (["init", "--app-id", "x"], "Error: --process is missing, and there is nobody to ask"),
        (["init", "--host", "x"], "Error: --port is missing, and there is nobody to ask"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], last_line: str):
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert last_line in result.stderr.splitlines()[-1]


def test_without_a_command_there_is_help():
    result = run()

    assert result.exit_code in {0, 2}  # click 8.1 and 8.2 differ
    assert "Usage: " in result.output


def test_an_error_of_the_library_is_1_and_one_line():
    assert seen(run("validate", "nothing.yaml")) == (
        1,
        "",
        (
            "error: there is no nothing.yaml\n"
            "    `waf-builder init` writes one; SPEC is the path to a spec.\n"
        ),
    )


def test_a_bug_stays_a_traceback(monkeypatch: pytest.MonkeyPatch):
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("waf_builder.spec.load.load", bug)

    with pytest.raises(ZeroDivisionError):
        run("validate", "backend.yaml")


# validate


def test_validate(spec: Path):
    assert seen(run("validate", "backend.yaml")) == (0, "backend.yaml is valid\n", "")


def test_validate_with_problems():
    write(BROKEN)

    assert seen(run("validate", "backend.yaml")) == (1, "", BROKEN_PROBLEMS + "2 problems\n")


def test_validate_with_a_warning():
    write(WEB)

    assert seen(run("validate", "backend.yaml")) == (0, "backend.yaml is valid\n", WEB_WARNING)
    assert seen(run("validate", "backend.yaml", "--strict")) == (1, "", WEB_WARNING + "1 problem\n")


def test_validate_compares_dates_with_the_day_that_it_is():
    for day, overdue in (("2001-01-01", True), ("9999-12-31", False)):
        write(f"{SMALLEST}waf: {{mode: detect, enforce_after: {day}}}\n")
        warned, strict = (
            run("validate", "backend.yaml"),
            run("validate", "backend.yaml", "--strict"),
        )

        assert ("spec.enforce-after-past" in warned.stderr) == overdue
        assert (warned.exit_code, strict.exit_code) == (0, int(overdue))


def test_validate_for_machines(spec: Path):
    good = run("validate", "backend.yaml", "--format", "json")
    write(BROKEN)
    bad = run("validate", "backend.yaml", "--format", "json")
    write(WEB)
    warned = run("validate", "backend.yaml", "--format", "json")
    strict = run("validate", "backend.yaml", "--format", "json", "--strict")

    assert seen(good) == (0, '{\n  "ok": true,\n  "problems": []\n}\n', "")
    assert (bad.exit_code, bad.stderr) == (1, "")
    report = json.loads(bad.stdout)
    assert report["ok"] is False
    assert [problem["code"] for problem in report["problems"]] == [
        "spec.port-quoted",
        "spec.unknown-key",
    ]
    assert (warned.exit_code, json.loads(warned.stdout)["ok"]) == (0, True)
    assert (strict.exit_code, json.loads(strict.stdout)["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("validate none.yaml", "", "there is no none.yaml"),
        ("validate latin.yaml", "", "latin.yaml is not UTF-8 text (byte 3)"),
        ("diff broken.yaml broken.yaml", "spec.port-quoted", "backend.port: '3000' is quoted"),
        ("inspect broken.yaml /", "spec.port-quoted", "backend.port: '3000' is quoted"),
        ("rules --engine none", "", "without an engine there are no rules to read"),
    ],
)
def test_errors_for_machines(spec: Path, command: str, code: str, message: str):
    (spec.parent / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    (spec.parent / "latin.yaml").write_bytes(b"# \xe9\n")
    name, *rest = command.split()
    machine = run(name, *rest, "--format", "json")
    human = run(name, *rest)
    assert machine.exit_code == human.exit_code == 1
    (line,) = machine.stdout.splitlines()
    report = json.loads(line)
    assert report["ok"] is False
    first = report["problems"][0]
    assert (first["code"], first["severity"]) == (code, "error")
    assert first["message"].startswith(message)
    assert (human.stdout, machine.stderr) == ("", human.stderr)


# presets


def test_presets_lists_presets_and_corrections():
    code, out, err = seen(run("presets"))

    assert (code, err) == (0, "")
    lines = [line.split("  ") for line in out.splitlines()]
    assert all(len(line) <= 80 for line in out.splitlines())
    assert {line[1] for line in lines if len(line) > 1 and line[1]} == {
        *PRESETS,
        *Corrections.model_fields,
        *ExtraDetection.model_fields,
    }
    assert "  json-api  " in out


def test_presets_prints_one_that_can_be_pasted():
    code, out, _ = seen(run("presets", "webhook"))

    assert code == 0
    assert spec_of(SMALLEST + out).routes[0].methods == ("POST",)


def test_presets_for_machines():
    found = json.loads(run("presets", "--format", "json").stdout)
    (one,) = (preset for preset in found["presets"] if preset["name"] == "admin")

    assert one == json.loads(run("presets", "admin", "--format", "json").stdout)
    assert one["route"] == {"waf": {"paranoia_level": 2}}
    assert list(found["corrections"]) == list(Corrections.model_fields)
    assert list(found["extra_detection"]) == list(ExtraDetection.model_fields)


def test_presets_names_the_nearest():
    wrong = run("presets", "json_api")

    assert wrong.exit_code == 2
    assert "there is no preset 'json_api'. Did you mean 'json-api'?" in wrong.stderr


# render


def test_render_prints_nginx_conf(spec: Path):
    result = run("render", "backend.yaml")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"# Made by waf-builder for {NEWEST}.\n")
    assert result.stdout.endswith("}\n")
    assert [path.name for path in Path().iterdir()] == ["backend.yaml"]


def test_render_publishes(spec: Path):
    result = run("render", "backend.yaml", "-o", "build/waf")

    tree = read_tree(Path("build/waf"))
    assert seen(result) == (0, "", f"build/waf: {len(tree)} files for {NEWEST}\n")
    assert tree["nginx.conf"] == run("render", "backend.yaml").stdout
    assert STAMP in tree
    assert [path.name for path in Path("build").iterdir()] == ["waf"]


def test_render_shows_warnings_and_goes_on():
    write(WEB)

    result = run("render", "backend.yaml", "-o", "waf")

    assert result.exit_code == 0
    assert result.stderr.startswith(WEB_WARNING)


def test_render_of_a_broken_spec_touches_nothing(spec: Path):
    run("render", "backend.yaml", "-o", "waf")
    before = read_tree(Path("waf"))
    write(BROKEN)

    result = run("render", "backend.yaml", "-o", "waf")

    assert seen(result) == (1, "", BROKEN_PROBLEMS + "2 errors\n")
    assert read_tree(Path("waf")) == before


def test_render_of_a_broken_template_touches_nothing(spec: Path):
    run("render", "backend.yaml", "-o", "build")
    before = read_tree(Path("build"))
    template = Path("waf/templates/server.conf.j2")
    template.parent.mkdir(parents=True)
    template.write_text(
        '{% extends "builtin:server.conf.j2" %}\n{% block server_extra %}\n'
        "        proxy_pas on;\n{% endblock %}\n",
        encoding="utf-8",
    )

    result = run("render", "backend.yaml", "-o", "build")

    assert result.exit_code == 1
    assert 'error: unknown directive "proxy_pas" [nginx.unknown-directive]' in result.stderr
    assert result.stderr.endswith("1 error\n")
    assert read_tree(Path("build")) == before


def test_render_leaves_what_is_not_its_own(spec: Path):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work", encoding="utf-8")

    assert seen(run("render", "backend.yaml", "-o", "mine")) == (
        1,
        "",
        (
            "error: mine was not made by waf-builder (it has no waf-builder.json), so it is left"
            " alone\n    Give -o another folder, or remove this one yourself.\n"
        ),
    )
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_render_shows_what_would_change(spec: Path):
    new = run("render", "backend.yaml", "--diff", "waf")
    run("render", "backend.yaml", "-o", "waf")
    same = run("render", "backend.yaml", "--diff", "waf")
    write(SMALLEST + "max_body: 1m\n")
    changed = run("render", "backend.yaml", "--diff", "waf")

    assert new.exit_code == 3
    assert "--- /dev/null\n+++ b/nginx.conf\n" in new.stdout
    assert new.stderr == "... there is no waf, so all of it is new\n"
    assert seen(same) == (0, "", "")
    assert changed.exit_code == 3
    assert "-    client_max_body_size 10m;\n+    client_max_body_size 1m;\n" in changed.stdout
    assert "--- a/modsecurity/engine.conf\n+++ b/modsecurity/engine.conf\n" in changed.stdout
    assert STAMP not in changed.stdout


def test_render_for_another_nginx(spec: Path):
    old = run("render", "backend.yaml", "--nginx-version", "1.22.1").stdout
    new = run("render", "backend.yaml", "--nginx-version", "1.27.3").stdout

    assert old.startswith("# Made by waf-builder for nginx 1.22.1, libmodsecurity 3.0.16")
    assert " resolve " in new
    assert " resolve " not in old


@pytest.mark.parametrize("version", ["1.27", "1.27.3.1", "latest", "-1.2.3", "1.27.3\n"])
def test_render_for_a_version_that_is_none(spec: Path, version: str):
    result = run("render", "backend.yaml", "--nginx-version", version)

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: --nginx-version: {version!r} is not a version, expected three numbers such as"
        " 1.27.3\n"
    )


@pytest.mark.parametrize(
    ("crs", "version"), [("3.3.4", "3.3.4"), ("4", "4.25.1"), ("3.3", "3.3.0")]
)
def test_render_for_another_rule_set(spec: Path, crs: str, version: str):
    result = run("render", "backend.yaml", "--crs", crs)

    assert result.stdout.splitlines()[0].endswith(f"CRS {version}.")


def test_render_says_where_in_the_spec_the_target_is_too_old():
    write(SMALLEST + "  sticky: client_ip\n")

    result = run("render", "backend.yaml", "--nginx-version", "1.22.1")

    assert result.exit_code == 1
    assert result.stderr.startswith(
        "backend.yaml:6:11: error: backend has sticky, which needs nginx 1.27.3 or newer"
        " [config.sticky-needs-resolve]\n"
    )


def test_without_an_engine_there_is_a_warning(spec: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WAF_BUILDER_ENGINE")
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(Path("empty").absolute()))
    monkeypatch.setattr("waf_builder.engine.find._system", _nothing)

    result = run("render", "backend.yaml", "-o", "waf")

    assert result.exit_code == 0
    assert result.stderr.splitlines()[:3] == [
        f"warning: rendered for {NEWEST}, and nginx has not tested it [engine.none]",
        "    no engine on this machine: nginx with ModSecurity",
        "    `--engine apt` gets one without root; `--engine none` says that this is meant.",
    ]


def _nothing(*_: object) -> None:
    from waf_builder.errors import EngineError

    raise EngineError("no nginx in PATH, nor in /usr/sbin")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_engine_that_is_named_has_to_be_there(
    spec: Path, how: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none" if how == "option" else "nowhere")

    result = run("render", "backend.yaml", *(["--engine", "nowhere"] if how == "option" else []))

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: no engine in {Path('nowhere').absolute()}: ")


# check


def test_check(spec: Path):
    run("render", "backend.yaml", "-o", "waf")

    assert seen(run("check", "waf")) == (0, "waf: checked without nginx's own test, sound\n", "")


def test_check_of_a_tree_that_somebody_edited(spec: Path):
    run("render", "backend.yaml", "-o", "waf")
    conf = Path("waf/nginx.conf")
    conf.write_text(
        conf.read_text(encoding="utf-8").replace("server_tokens off", "server_token off"),
        encoding="utf-8",
    )

    text = run("check", "waf")
    machine = run("check", "waf", "--format", "json")

    assert text.exit_code == machine.exit_code == 1
    assert 'error: unknown directive "server_token" [nginx.unknown-directive]' in text.stderr
    assert text.stderr.endswith("waf: checked without nginx's own test, not sound\n")
    report = json.loads(machine.stdout)
    assert report["ok"] is False
    assert "nginx.unknown-directive" in {problem["code"] for problem in report["problems"]}


def test_check_of_something_else():
    result = run("check", "nothing")

    assert result.exit_code == 1
    assert result.stderr == (
        "error: nothing is not a rendered tree: there is no such folder [check.not-a-tree]\n"
        "    Give the folder that `waf-builder render SPEC -o DIR` made.\n"
    )


def test_check_of_something_else_names_no_engine(spec: Path):
    """Nothing is said of an engine that was never asked, or of a test that never was."""
    text = run("check", str(spec), "--engine", "/nosuch")
    machine = run("check", str(spec), "--engine", "/nosuch", "--format", "json")

    assert text.exit_code == machine.exit_code == 1
    assert text.stderr == (
        f"error: {spec} is not a rendered tree: it is no folder [check.not-a-tree]\n"
        "    Give the folder that `waf-builder render SPEC -o DIR` made.\n"
    )
    (problem,) = json.loads(machine.stdout)["problems"]
    assert problem["code"] == "check.not-a-tree"


# run


def test_run_needs_an_engine(spec: Path):
    assert seen(run("run", "backend.yaml", "--engine", "none", "--port", "18080")) == (
        1,
        "",
        "error: a run needs an engine, so --engine none cannot be\n",
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:3000", "is not supported, expected one such as http://127.0.0.1:3000"),
        ("https://a", "is not supported, expected one such as http://127.0.0.1:3000"),
        ("http://a:b", "is not a URL: "),
        ("http://a:99999", "is not a URL: "),
        ("http://a/b", "holds more than a host and a port"),
        ("http://user:secret@a", "holds more than a host and a port"),
        ("http://a b", "'a b' is not a host name or an address"),
        ("http://[::1", "is not a URL: "),
    ],
)
def test_run_with_a_backend_that_is_none(spec: Path, url: str, message: str):
    result = run("run", "backend.yaml", "--backend", url, "--port", "18080")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: --backend {url!r}")
    assert message in result.stderr


# domains


def test_domains(spec: Path):
    suffix = f"{APP_ID}.{NETWORK_ID}.private-network.internal"

    result = run("domains", "backend.yaml")

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split("  ", 1)[0] for line in result.stdout.splitlines()] == [
        f"myappbackend.{suffix}",
        f"1.myappbackend.{suffix}",
        suffix,
        f"1.{suffix}",
    ]
    columns = {line.index("  ") for line in result.stdout.splitlines() if line.startswith("1.my")}
    assert len(columns) == 1


def test_domains_of_several_backends():
    write(
        "backends:\n  a: {host: a.internal, port: 80}\n  b: {host: b.internal, port: 81}\n"
        "routes: [{path: /, backend: a}, {path: /b, backend: b}]\n"
    )

    assert seen(run("domains", "backend.yaml")) == (
        0,
        (
            "a, port 80\na.internal  the host as the spec has it\n\n"
            "b, port 81\nb.internal  the host as the spec has it\n"
        ),
        "",
    )


# schema


def test_schema():
    result = run("schema")

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["title"] == "waf-builder spec"


# templates


def test_templates_list():
    result = run("templates", "list")

    lines = dict(line.split(None, 1) for line in result.stdout.splitlines())
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines["server.conf.j2"] == "server_extra"
    assert lines["backend.conf.j2"] == "(no blocks: replaced as a whole)"


def test_templates_copy(spec: Path):
    before = run("render", "backend.yaml").stdout

    result = run("templates", "copy", "location.conf.j2")

    assert seen(result) == (0, "", "wrote waf/templates/location.conf.j2\n")
    assert run("render", "backend.yaml").stdout == before
    assert seen(run("templates", "copy", "location.conf.j2")) == (
        1,
        "",
        "error: waf/templates/location.conf.j2 is there already, and is left as it is\n",
    )
    assert run("templates", "copy", "boot/fields.j2", "--to", "here").exit_code == 0
    assert Path("here/boot/fields.j2").read_text(encoding="utf-8") == (
        builtin_templates() / "boot/fields.j2"
    ).read_text(encoding="utf-8")


def test_templates_copy_of_a_template_that_is_none():
    assert seen(run("templates", "copy", "nginx.conf")) == (
        1,
        "",
        "error: there is no built-in template 'nginx.conf'\n    Did you mean 'nginx.conf.j2'?\n",
    )


# init


def test_init_from_flags():
    result = run("init", "--process", "api", "--port", "3000", "--app-id", APP_ID)

    assert seen(result) == (
        0,
        "",
        "wrote backend.yaml; next: waf-builder render backend.yaml\n",
    )
    assert seen(run("validate", "backend.yaml", "--strict")) == (0, "backend.yaml is valid\n", "")
    assert Path("backend.yaml").read_text(encoding="utf-8") == (
        "# What stands behind the WAF. `waf-builder validate` checks this file.\n"
        "backend:\n"
        "  process: api  # the process type of the backend's Procfile\n"
        "  port: 3000  # the port it listens on in the private network\n"
        f"  app_id: {APP_ID}\n"
        "\n"
        "waf:\n"
        "  # Start with detect if the app has users already: it logs and refuses nothing.\n"
        "  mode: block\n"
    )


def test_init_from_a_domain():
    domain = f"1.myappbackend.{APP_ID}.{NETWORK_ID}.private-network.internal."

    assert run("init", "a.yaml", "--port", "3000", "--domain", domain).exit_code == 0
    assert "  network_id: pn-" in Path("a.yaml").read_text(encoding="utf-8")
    assert run("domains", "a.yaml").stdout.startswith(f"myappbackend.{APP_ID}")


@pytest.mark.parametrize("host", ["backend.internal", "127.0.0.1", "::1", "[::1]"])
def test_init_for_any_other_host(host: str):
    assert run("init", "--host", host, "--port", "3000").exit_code == 0
    assert run("validate", "backend.yaml", "--strict").exit_code == 0


def test_init_writes_nothing_that_is_wrong():
    result = run("init", "--process", "npm start", "--port", "http", "--app-id", APP_ID)

    assert result.exit_code == 1
    assert [line.split(": ")[2] for line in result.stderr.splitlines() if ": error: " in line] == [
        "backend.process",
        "backend.port",
    ]
    assert not Path("backend.yaml").exists()


def test_init_leaves_a_spec_that_is_there():
    write("mine")

    assert seen(run("init", "--host", "a", "--port", "1")) == (
        1,
        "",
        "error: backend.yaml is there already, and is left as it is\n    --force replaces it.\n",
    )
    assert Path("backend.yaml").read_text(encoding="utf-8") == "mine"
    assert run("init", "--host", "a", "--port", "1", "--force").exit_code == 0


def test_init_where_nothing_can_be_written():
    assert seen(run("init", "no/such/folder.yaml", "--host", "a", "--port", "1")) == (
        1,
        "",
        "error: no/such/folder.yaml cannot be written: No such file or directory\n",
    )


def test_errors_have_one_root():
    assert issubclass(WafBuilderError, Exception)
    assert not issubclass(WafBuilderError, (OSError, ValueError))


def test_a_render_leaves_the_collector_as_it_was(spec: Path):
    import gc

    for arguments in (["render", "backend.yaml"], ["render", "nothing.yaml"]):
        run(*arguments)

        assert gc.isenabled()
