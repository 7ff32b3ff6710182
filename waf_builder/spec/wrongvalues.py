"""What pydantic finds in a spec, as problems: the value, what was expected, and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from waf_builder.problem import Problem, did_you_mean
from waf_builder.spec import yaml
from waf_builder.spec.keys import fields_at, owner_of
from waf_builder.spec.mistakes import shorten, shown

_EXPECTED = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "too_short": "at least one element",
}
_MISSING_HINTS = {
    "port": "The platform cannot tell on which port the backend listens.",
    "reason": "Say why an ordinary request matches; somebody has to decide again in a year.",
}
_NEARLY = 0.8
"""So alike that a key is rather misspelt than at the wrong place."""


def wrong_values(error: ValidationError, document: yaml.Document) -> Iterator[Problem]:
    """Yield a problem for each value that the model refuses, where it stands."""
    for detail in error.errors():
        path = detail["loc"]
        if detail["type"] == "too_short" and detail["input"]:
            continue  # pydantic counts the valid elements; each invalid one has its own problem
        if not any(path[: len(bad)] == bad for bad in document.unreadable if bad):
            yield _problem(detail, path, document)


def _problem(detail: ErrorDetails, path: yaml.Path, document: yaml.Document) -> Problem:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    name = yaml.dotted(path)
    if kind == "spec":
        if path[-1] == "[key]":  # what is wrong is a key
            path = path[:-1]
            name = yaml.dotted(path[:-1])
        message = f"{name}: {context['message']}"
        return Problem(context["code"], message, document.place(path), context["hint"])
    if kind == "extra_forbidden":
        place = document.place(path, key=True)
        message = f"{name}: unknown key {path[-1]!r}"
        return Problem("spec.unknown-key", message, place, _known_instead(path))
    if kind == "missing":
        place = document.place(path[:-1], key=True)
        hint = _MISSING_HINTS.get(str(path[-1]), "")
        return Problem("spec.missing", f"{name} is missing", place, hint)
    if path[-1:] == ("[key]",):
        message = f"{yaml.dotted(path[:-1])}: {value!r} is not a backend name"
        hint = "A name has small letters, digits and hyphens and starts with a letter."
        return Problem("spec.name", message, document.place(path[:-1], key=True), hint)
    if kind == "too_long":
        many = f"{name} has {context['actual_length']} elements"
        limit = f"expected at most {context['max_length']}"
        return Problem("spec.range", f"{many}, {limit}", document.place(path))
    code, expected = _expected(kind, context)
    message = f"{name} is {shorten(_told(value))}, expected {expected}"
    return Problem(code, message, document.place(path), _way_out(kind, value, expected, path))


def _known_instead(path: yaml.Path) -> str:
    """Return which key was meant, or where this one belongs, or which there are."""
    key, known = str(path[-1]), fields_at(path[:-1])
    if near := did_you_mean(key, known, _NEARLY):
        return near
    owner = owner_of(key, path[:-1])
    if owner == ():
        return "It belongs to the spec itself, without indentation."
    if owner:
        common = ", for all routes" if path[0] == "routes" and owner[0] != "routes" else ""
        return f"It belongs below `{'.'.join(owner)}`{common}."
    return did_you_mean(key, known) or f"Known here: {', '.join(sorted(known))}."


def _expected(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "literal_error":
        return "spec.choice", str(context["expected"])
    if kind == "greater_than_equal":
        return "spec.range", f"{context['ge']} or more"
    if kind == "less_than_equal":
        return "spec.range", f"at most {context['le']}"
    return "spec.type", _EXPECTED.get(kind, kind.replace("_", " "))


def _told(value: object) -> str:
    """Return a value as a message shows it; of much, only what it is."""
    if value and isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return shown(value)


def _way_out(kind: str, value: object, expected: str, path: yaml.Path) -> str:
    if kind == "literal_error":
        choices = re.findall("'([^']*)'", expected)
        return did_you_mean(value, choices) if isinstance(value, str) else ""
    if expected == "a mapping":
        if value is None:
            return "Indent its keys below it, or remove the line."
        keys = fields_at(path) if path and kind != "dict_type" else []
        return f"Known there: {', '.join(sorted(keys))}." if keys else ""
    if expected != "a list" or value is None:
        return ""
    if isinstance(value, dict):
        return f"Each element begins with a hyphen: - {next(iter(value), 'KEY')}: ..."
    if re.fullmatch("[A-Za-z0-9./:@*, -]{1,60}", str(value)):
        return f"Put it in brackets: [{value}]."
    return "A list stands in brackets, with commas: [ONE, TWO]."
