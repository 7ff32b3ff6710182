"""`${NAME}` and `${NAME:-default}`: what is read at build, and what is left for boot."""

from __future__ import annotations

import pytest
from specs import APP_ID, NETWORK_ID, codes_of, problems_of, spec_of
from support.cases import for_each

from waf_builder.spec.environment import Deferred, FromEnvironment, resolve


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a-${A}-b", {"A": "x"}, "a-x-b"),
        ("${A}${B}", {"A": "x", "B": "y"}, "xy"),
        ("${A:-z}", {"A": "x"}, "x"),
        ("${_a1}", {"_a1": "x"}, "x"),
        # One pass only: what a variable holds is no variable.
        ("${A}", {"A": "${B}", "B": "y"}, "${B}"),
        ("${A}", {"A": "\\1"}, "\\1"),
    ],
)
def test_set_where_the_tree_is_built(text: str, environ: dict[str, str], value: str):
    found = resolve(text, environ)

    assert found == value
    assert isinstance(found, FromEnvironment)
    assert found.source == text


@pytest.mark.parametrize(
    ("text", "environ", "left"),
    [
        ("${A}", {}, Deferred("A")),
        ("${A}", {"A": ""}, Deferred("A")),
        ("${A:-x}", {}, Deferred("A", "x")),
        ("${A:-x}", {"A": ""}, Deferred("A", "x")),
        ("${A:-}", {}, Deferred("A")),
        ("p-${A:-x}.s", {}, Deferred("A", "x", "p-", ".s")),
        ("${B}-${A}.${B}", {"B": "b"}, Deferred("A", "", "b-", ".b")),
    ],
)
def test_left_for_boot(text: str, environ: dict[str, str], left: Deferred):
    assert resolve(text, environ) == left


@for_each(
    "text",
    ["${", "${}", "${A", "${A-B}", "${1A}", "${A:x}", "${A:-${B}}", "${A} ${", "${A:=x}", "${ A }"],
)
def test_not_a_reference(text: str):
    with pytest.raises(ValueError, match=r"^a variable is written \$\{NAME\} or"):
        resolve(text, {"A": "a", "B": "b"})


def test_two_variables_cannot_both_be_left():
    with pytest.raises(ValueError, match=r"and \$\{A\} and \$\{B\} are not set here$"):
        resolve("${A}-${B}", {})


def test_as_the_spec_writes_it():
    for text in ("${A}", "${A:-x}", "p-${A:-x}.s"):
        assert str(resolve(text, {})) == text


def backend(**changes: str) -> str:
    fields = {"process": "api", "port": "3000", "app_id": APP_ID, "network_id": NETWORK_ID}
    lines = [f'  {name}: "{value}"' for name, value in {**fields, **changes}.items()]
    return "backend:\n" + "\n".join(lines).replace('"3000"', "3000") + "\n"


@for_each(
    ("field", "good", "bad"),
    [
        ("process", "worker", "not a word"),
        ("process", "worker", "postdeploy"),
        ("port", "8080", "http"),
        ("port", "1", "65536"),
        ("port", "65535", "0"),
        ("port", "80", "080"),
        ("port", "80", "\uff18\uff10"),
        ("app_id", APP_ID, NETWORK_ID),
        ("network_id", NETWORK_ID, "pn"),
    ],
)
def test_a_value_is_checked_at_build_and_as_a_default(field: str, good: str, bad: str):
    plain, with_default = backend(**{field: "${X}"}), "${X:-%s}"

    assert getattr(spec_of(plain, {"X": good}).backend, field) == (
        int(good) if field == "port" else good
    )
    assert getattr(spec_of(plain).backend, field) == Deferred("X")
    assert getattr(spec_of(backend(**{field: with_default % good})).backend, field) == (
        Deferred("X", good)
    )
    (problem,) = problems_of(plain, {"X": bad})
    assert problem.message.startswith(f"backend.{field}: ")
    assert "the value of ${X} " in problem.message
    assert repr(bad) not in problem.message
    (problem,) = problems_of(backend(**{field: with_default % bad}))
    assert f"the value of ${{X:-{bad}}} " in problem.message


@for_each(
    ("field", "value"),
    [
        ("host", "postgres://u:s3cretpw@db.internal/x"),
        ("host", "u:s3cretpw"),
        ("host", "s3cretpw!"),
        ("port", "s3cretpw"),
        ("process", "s3 cretpw"),
        ("app_id", APP_ID.removeprefix("ap-")),
        ("app_id", APP_ID.upper()),
        ("network_id", "s3cretpw"),
    ],
)
def test_what_a_variable_holds_is_in_no_message(field: str, value: str):
    around = "${X}-${Y}" if field == "process" else "${X}${Y:-!}"
    fields = {"host": "a", "port": "80"} if field in {"host", "port"} else {"port": "3000"}
    for written, environ in (("${X}", {"X": value}), (around, {"X": value})):
        lines = {**fields, field: written}
        spec = "backend:\n" + "".join(f'  {name}: "{text}"\n' for name, text in lines.items())
        found = [one for one in problems_of(spec, environ) if "${X}" in one.message]
        assert found, spec
        for problem in found:
            for part in (value, value.lower(), "s3cretpw", "s3 cretpw"):
                assert part not in f"{problem.message}{problem.hint}"


def test_what_a_variable_holds_is_told_where_it_is_a_known_word():
    (problem,) = problems_of(backend(process="${X}"), {"X": "web"})

    assert problem.message.startswith("backend.process is 'web': it is reachable from outside")


def test_a_default_that_does_not_count_is_not_checked():
    # The variable is set, here and so presumably there.
    assert spec_of(backend(port="${X:-http}"), {"X": "8080"}).backend.port == 8080


@pytest.mark.parametrize("value", ["one.internal", "10.0.0.1"])
def test_a_host(value: str):
    assert spec_of('backend: {host: "${X}", port: 80}', {"X": value}).backend.host == value


def test_a_host_that_boot_could_not_fill_in():
    spec = 'backend: {host: "${X:-%s}", port: 80}'

    assert codes_of(spec % "one.internal") == []
    assert codes_of(spec % "10.0.0.1") == []
    for default in ("::1", "one.internal.", "[::1]"):
        assert codes_of(spec % default) == ["spec.environment"]
        assert codes_of('backend: {host: "${X}", port: 80}', {"X": default}) == []


@pytest.mark.parametrize("around", ["my ${X}", "${X};", "$${X}", "{${X}", "${X}\\n"])
def test_what_stands_around_a_variable(around: str):
    assert codes_of(backend(process=around)) == ["spec.environment"]


@pytest.mark.parametrize(
    "line",
    [
        'workers: "${X}"',
        'max_body: "${X}"',
        'client_ip: {header: "${X}"}',
        'routes: [{path: "/${X}"}]',
        'routes: [{path: /, backend: "${X}"}]',
        'waf: {allowed_methods: ["${X}"]}',
        'health: {path: "${X:-/up}"}',
    ],
)
def test_elsewhere_a_variable_is_refused_even_when_it_is_set(line: str):
    (problem,) = problems_of(f"{backend()}{line}\n", {"X": "1"})

    assert problem.code == "spec.environment"
    assert "which only a backend's app_id, host, network_id, port, process can have" in (
        problem.message
    )


def test_network_id_is_left_for_boot_when_it_is_left_out():
    spec = spec_of(f"backend: {{process: api, port: 3000, app_id: {APP_ID}}}\n", {})
    # Set or not where the tree is built: another network may be the right one there.
    same = spec_of(
        f"backend: {{process: api, port: 3000, app_id: {APP_ID}}}\n",
        {"SCALINGO_PRIVATE_NETWORK_ID": NETWORK_ID},
    )

    assert spec.backend.network_id == Deferred("SCALINGO_PRIVATE_NETWORK_ID")
    assert same == spec
