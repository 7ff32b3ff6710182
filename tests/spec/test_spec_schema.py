"""The JSON Schema: a file for editors, which must never contradict the reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from specs import SMALLEST, spec_of
from support.cases import for_each
from test_golden import ERRORS, read_case

from waf_builder.problem import errors_in
from waf_builder.spec import yaml
from waf_builder.spec.model import Spec
from waf_builder.spec.schema import json_schema

ROOT = Path(__file__).parents[2]
SPECS = [*ROOT.glob("examples/*/backend.yaml"), *ROOT.glob("tests/golden/*/backend.yaml")]


def data_of(text: str) -> Any:
    """Return a spec as editors see it: they read YAML 1.2, where a date is text."""
    return yaml.read(text, "backend.yaml").data


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@for_each("file", SPECS, ids=lambda file: file.parent.name)
def test_takes_what_the_reader_takes(validator, file: Path):
    validator.validate(data_of(file.read_text(encoding="utf-8")))


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_takes_what_the_reader_only_warns_about(validator, file: Path):
    case = read_case(file)
    if not errors_in(case.problems()):
        validator.validate(data_of(case.text))


SEEN = {
    "app-id", "app-id-case", "app-id-prefix", "backend-twice", "choice", "content-type", "crs",
    "date", "duration", "header", "host-name", "host-port", "host-url", "ids-swapped", "method",
    "missing", "name", "network-id", "network-id-case", "network-id-prefix", "no-backend",
    "path", "path-encoded", "path-query", "port-quoted", "port-range", "process", "process-space",
    "range", "route-host", "rule-id", "rule-tag", "sha256", "size", "sticky", "type", "unknown-key",
}  # fmt: skip
"""What a schema can see, as codes without `spec.`; how keys fit together it cannot."""


def errors_of(file: Path) -> set[str]:
    """Return the codes of a spec's errors; none where a variable hides a value from an editor."""
    case = read_case(file)
    if "${" in case.text or yaml.read(case.text, "backend.yaml").problems:
        return set()
    return {one.code.removeprefix("spec.") for one in errors_in(case.problems())}


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_refuses_what_the_reader_refuses_and_a_schema_can_see(validator, file: Path):
    if errors_of(file) & SEEN:
        assert not validator.is_valid(data_of(read_case(file).text))


def test_every_code_that_a_schema_sees_was_tried():
    assert SEEN - {code for file in ERRORS for code in errors_of(file)} == set()


@for_each(
    "change",
    [
        {"wfa": {}},
        {"waf": {"paranoia": 2}},
        {"waf": {"paranoia_level": 5}},
        {"waf": {"mode": "blocking"}},
        {"waf": {"mode": "detect", "enforce_after": "next week"}},
        {"routes": [{"path": "/", "content_types": ["json"]}]},
        {"routes": [{"path": "/", "content_types": ["a/b"] * 51}]},
        {"waf": {"exclusions": [{"rule": 942100}]}},
        {"waf": {"exclusions": [{"reason": "no rule"}]}},
        {"waf": {"exclusions": [{"rule": 942100, "tag": "attack-sqli", "reason": "two"}]}},
        {"waf": {"exclusions": [{"rule": "942100", "reason": "text"}]}},
        {"waf": {"exclusions": [{"rule": 942100, "reason": "x", "expires": "soon"}]}},
        {"waf": {"plugins": ["WordPress"]}},
        {"waf": {"plugins": [{"folder": "shop"}]}},
        {"max_body": "10MB"},
        {"routes": []},
        {"routes": [{"path": "api"}]},
        {"routes": [{"path": "/", "waf": {"level": 1}}]},
        {"backends": {"api": {"port": 80, "host": "a"}}},
        {"backends": {"API": {"port": 80, "host": "a"}}, "backend": None},
        {"backend": {"port": 70000, "host": "a"}},
        {"backend": {"port": "3000", "host": "a"}},
        {"backend": {"host": "a"}},
        {"backend": {"port": 80, "app_id": "myapp"}},
        {"workers": "2"},
    ],
    ids=str,
)
def test_refuses(validator, change: dict[str, Any]):
    spec = data_of(SMALLEST)
    validator.validate(spec)

    assert not validator.is_valid({**spec, **change})


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, model in {"Spec": schema, **schema["$defs"]}.items():
        assert model["additionalProperties"] is False
        for field, its_schema in model["properties"].items():
            yield name, field, its_schema


def test_says_what_every_field_is(schema):
    for model, field, its_schema in fields(schema):
        referred = schema["$defs"].get(its_schema.get("$ref", "").rpartition("/")[2], {})
        words = its_schema.get("description") or referred.get("description", "")
        assert words.endswith("."), (model, field)


def test_every_default_can_be_written_as_it_stands(schema):
    defaults = {
        (model, field): its_schema["default"]
        for model, field, its_schema in fields(schema)
        if "default" in its_schema
    }

    assert defaults["Timeouts", "connect"] == "2s"
    assert defaults["Backend", "network_id"] == "${SCALINGO_PRIVATE_NETWORK_ID}"
    for _, _, its_schema in fields(schema):
        if "default" in its_schema:
            whole = {**its_schema, "$defs": schema["$defs"]}
            jsonschema.Draft202012Validator(whole).validate(its_schema["default"])
    assert spec_of(SMALLEST + f"max_body: {defaults['Spec', 'max_body']}\n") == spec_of(SMALLEST)


def test_has_every_field_of_the_model(schema):
    assert set(schema["properties"]) == set(Spec.model_fields)
