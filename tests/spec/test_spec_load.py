"""From a file to a spec: files that are none, everything at once, in the order of the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import APP_ID, NETWORK_ID, SMALLEST, codes_of, problems_of, spec_of
from support.cases import for_each

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Place, Severity
from waf_builder.spec.keys import fields_at
from waf_builder.spec.load import load, loads
from waf_builder.spec.model import Backend, Spec
from waf_builder.userfile import MAX_BYTES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backend.yaml"


def test_the_smallest_spec(file: Path):
    file.write_text(SMALLEST, encoding="utf-8")

    loaded = load(file)

    assert loaded.spec.backend == Backend(
        process="myappbackend", port=3000, app_id=APP_ID, network_id=NETWORK_ID
    )
    assert loaded.warnings == ()
    assert loaded.folder == file.parent
    assert loaded.at(("backend", "port")) == Place(str(file), 3, 9)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: f"---\n{text}...\n",
        lambda text: f"# comment é\n\n{text}\n\n",
    ],
    ids=["order mark", "CRLF", "no newline at the end", "document marks", "comments"],
)
def test_other_forms_of_the_same_file(file: Path, change):
    file.write_bytes(change(SMALLEST).encode())

    assert load(file).spec == spec_of(SMALLEST)


def message(file: Path) -> str:
    with pytest.raises(WafBuilderError) as caught:
        load(file)
    return str(caught.value)


def test_no_file(file: Path):
    assert message(file) == (
        f"there is no {file}\n    `waf-builder init` writes one; SPEC is the path to a spec."
    )


def test_a_folder(file: Path):
    file.mkdir()

    assert message(file) == f"{file} cannot be read: Is a directory"


def test_not_utf_8(file: Path):
    file.write_bytes(b"# caf\xe9\n" + SMALLEST.encode())

    assert message(file) == f"{file} is not UTF-8 text (byte 6)"


def test_utf_16(file: Path):
    file.write_text(SMALLEST, encoding="utf-16")

    assert message(file) == f"{file} is not UTF-8 text (byte 1)"


def test_too_large(file: Path):
    file.write_bytes(SMALLEST.encode() + b"#" * (MAX_BYTES - len(SMALLEST)))
    assert load(file).spec.backend

    with file.open("ab") as more:
        more.write(b"#")

    assert message(file) == f"{file} has more than 16,777,216 bytes; no spec needs as many"


def test_an_endless_file_is_not_read_to_its_end():
    assert message(Path("/dev/zero")).startswith("/dev/zero has more than 16,777,216 bytes")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n", "~\n"])
def test_nothing(text: str):
    (problem,) = problems_of(text)

    assert problem.render() == (
        "backend.yaml:1:1: error: the spec is empty [spec.empty]\n"
        "    The smallest one names a backend: its process, port, app_id and network_id."
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- a\n", "a list"),
        ("word\n", "'word'"),
        ("5\n", "5"),
        ("true\n", "true"),
        ("'${A}'\n", "'${A}'"),
        ("x" * 200, f"'{'x' * 76}..."),
    ],
)
def test_not_a_mapping(text: str, shown: str):
    (problem,) = problems_of(text)

    assert problem.message == f"the spec is {shown}, expected a mapping"


def test_errors_come_as_one_exception_with_the_warnings(file: Path):
    file.write_text(
        f"backend:\n  process: web\n  port: 3000\n  app_id: {APP_ID}\n  index: 0\nmax_body: 76m\n",
        encoding="utf-8",
    )
    with pytest.raises(ProblemsError) as caught:
        load(file)
    assert [problem.code for problem in caught.value.problems] == [
        "spec.range",
        "spec.max-body-router",
    ]

    file.write_text(file.read_text(encoding="utf-8").replace("  index: 0\n", ""), encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        load(file)
    assert [(problem.code, problem.severity) for problem in caught.value.problems] == [
        ("spec.process-public", Severity.WARNING),
        ("spec.max-body-router", Severity.ERROR),
    ]


def test_warnings_do_not_stop(file: Path):
    file.write_text(SMALLEST.replace("myappbackend", "web"), encoding="utf-8")

    assert [problem.code for problem in load(file).warnings] == ["spec.process-public"]


def test_the_environment_is_the_process_s_own_unless_given(file: Path, monkeypatch):
    file.write_text('backend: {host: "${SPEC_TEST_HOST}", port: 80}\n', encoding="utf-8")
    monkeypatch.setenv("SPEC_TEST_HOST", "one.internal")

    assert load(file).spec.all_backends()["backend"].host == "one.internal"
    assert load(file, {"SPEC_TEST_HOST": "two.internal"}).spec.backend.host == "two.internal"


def test_what_cannot_be_read_is_not_reported_as_missing():
    assert codes_of("backend: {process: api, port: 3000, app_id: yes}\n") == ["yaml.word"]
    assert codes_of("backend: !x {process: api}\n") == ["yaml.tag"]


def test_each_wrong_element_of_a_list_is_one_problem():
    spec = SMALLEST + "waf:\n  allowed_methods: [get, post, GET]\n"

    assert codes_of(spec) == ["spec.method", "spec.method"]


def test_a_value_that_is_too_long_to_show_is_cut():
    (problem,) = problems_of(SMALLEST + f"workers: {'x' * 500}\n")

    assert problem.message == f"workers is '{'x' * 76}..., expected a whole number"


@for_each(
    ("path", "some"),
    [
        ((), {"backend", "routes", "waf"}),
        (("backend",), {"process", "port"}),
        (("backends", "a"), {"process", "port"}),
        (("backends", "timeouts"), {"process", "port"}),
        (("backends", "a", "timeouts"), {"connect", "send", "read"}),
        (("routes", 3), {"path", "hosts"}),
        (("routes", 3, "waf"), {"mode", "paranoia_level"}),
        (("client_ip",), {"header", "trusted"}),
    ],
)
def test_the_keys_that_are_known_somewhere(path, some: set[str]):
    assert some <= set(fields_at(path))


def test_every_key_is_frozen_and_no_value_is_converted():
    spec = spec_of(SMALLEST)

    with pytest.raises(ValueError, match="frozen"):
        spec.waf.mode = "off"
    assert codes_of(SMALLEST + 'workers: "2"\n') == ["spec.type"]
    assert codes_of(SMALLEST + "workers: 2.0\n") == ["spec.type"]
    assert codes_of(SMALLEST + "waf: {early_blocking: 1}\n") == ["spec.type"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70_000) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Spec.model_fields)),
        st.dictionaries(
            st.sampled_from(sorted({*Backend.model_fields, "path", "mode", "header", "a"})),
            _VALUES,
        )
        | _VALUES,
    )
)
def test_any_data_becomes_a_spec_or_problems(data):
    import json

    spec, problems = loads(json.dumps(data), "f.yaml", {})

    assert spec is not None or problems
    for problem in problems:
        assert problem.place
        assert "\n" not in problem.message
        assert len(problem.message) < 1_000
