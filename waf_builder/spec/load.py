"""From the text of a `backend.yaml` to a Spec, or to every problem in it at once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Place, Problem, did_you_mean, errors_in
from waf_builder.spec import yaml
from waf_builder.spec.effective import apply_presets
from waf_builder.spec.environment import mentions_environment, resolve
from waf_builder.spec.mistakes import shorten, shown
from waf_builder.spec.model import Spec
from waf_builder.spec.salvage import problems_elsewhere
from waf_builder.spec.validate import Locator, validate
from waf_builder.userfile import read_bounded

_FROM_ENVIRONMENT = frozenset({"process", "port", "app_id", "network_id", "host"})


@dataclass(frozen=True)
class LoadedSpec:
    """A valid spec, the warnings about it, and the folder that its files are relative to.

    at: where a field of it stands in the file.
    """

    spec: Spec
    folder: Path
    warnings: tuple[Problem, ...]
    at: Locator


def load(
    file: Path,
    environ: Mapping[str, str] | None = None,
    today: dt.date | None = None,
) -> LoadedSpec:
    """Return the spec in file.

    today: what its dates are compared with; left out, the day that it is (UTC).
    Raises ProblemsError with every problem in it, and WafBuilderError if it cannot be read.
    """
    try:
        text = read_bounded(file, "spec needs").decode("utf-8")
    except UnicodeDecodeError as error:
        raise WafBuilderError(f"{file} is not UTF-8 text (byte {error.start + 1})") from None
    except FileNotFoundError:
        raise WafBuilderError(
            f"there is no {file}\n    `waf-builder init` writes one; SPEC is the path to a spec."
        ) from None
    except OSError as error:
        raise WafBuilderError(f"{file} cannot be read: {error.strerror}") from None
    document = yaml.read(text, str(file))
    environ = os.environ if environ is None else environ
    spec, problems = _spec(document, environ, today or _today())
    if spec is None or errors_in(problems):
        raise ProblemsError(problems)
    return LoadedSpec(spec, file.parent, tuple(problems), document.place)


def loads(
    text: str, file: str, environ: Mapping[str, str], today: dt.date | None = None
) -> tuple[Spec | None, list[Problem]]:
    """Return the spec in text, or None, and every problem with it in the order of the file."""
    return _spec(yaml.read(text, file), environ, today or _today())


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.timezone.utc).date()


def _spec(
    document: yaml.Document, environ: Mapping[str, str], today: dt.date
) -> tuple[Spec | None, list[Problem]]:
    start = Place(document.file, 1, 1)
    if document.data is None and not document.problems:
        return None, [Problem("spec.empty", "the spec is empty", start, _EXAMPLE)]
    problems = document.problems
    _interpolate(document, document.data, (), environ)
    apply_presets(document.data)
    spec = None
    if not any(problem.code == "yaml.syntax" for problem in problems):
        try:
            spec = Spec.model_validate(document.data)
        except ValidationError as error:
            problems += _problems(error, document)
            wrong = [detail["loc"] for detail in error.errors()]
            if not document.unreadable:
                problems += problems_elsewhere(document.data, wrong, document.place, today)
        else:
            if not document.unreadable:  # what could not be read is not missing
                problems += validate(spec, document.place, today)
    return spec, sorted(problems, key=lambda problem: problem.place or start)


_EXAMPLE = "The smallest one names a backend: its process, port, app_id and network_id."


def _interpolate(
    document: yaml.Document, data: Any, path: yaml.Path, environ: Mapping[str, str]
) -> None:
    """Replace `${NAME}` in data, in place, where the spec allows it."""
    if not isinstance(data, (dict, list)):
        return
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        inner = (*path, key)
        if not isinstance(value, str):
            _interpolate(document, value, inner, environ)
        elif mentions_environment(value):
            problem = None
            if not _allows_environment(inner):
                fields = ", ".join(sorted(_FROM_ENVIRONMENT))
                problem = f"{value!r} has a variable, which only a backend's {fields} can have"
            else:
                try:
                    data[key] = resolve(value, environ)
                except ValueError as error:
                    problem = f"{error}, got {value!r}"
            if problem:
                document.unreadable.add(inner)
                message = f"{yaml.dotted(inner)}: {problem}"
                document.problems.append(
                    Problem("spec.environment", message, document.place(inner))
                )


def _allows_environment(path: yaml.Path) -> bool:
    in_backend = path[:1] == ("backend",) or path[:1] == ("backends",)
    depth = 2 if path[:1] == ("backend",) else 3
    return in_backend and len(path) == depth and path[-1] in _FROM_ENVIRONMENT


def _problems(error: ValidationError, document: yaml.Document) -> Iterator[Problem]:
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
        known = fields_at(path[:-1])
        hint = did_you_mean(str(path[-1]), known) or f"Known here: {', '.join(sorted(known))}."
        place = document.place(path, key=True)
        return Problem("spec.unknown-key", f"{name}: unknown key {path[-1]!r}", place, hint)
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
    hint = ""
    if kind == "literal_error" and isinstance(value, str):
        hint = did_you_mean(value, context["expected"].replace("'", "").split(", "))
    if value is None and kind in {"model_type", "model_attributes_type", "dict_type"}:
        hint = "Indent its keys below it, or remove the line."
    return Problem(
        code, f"{name} is {shorten(shown(value))}, expected {expected}", document.place(path), hint
    )


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


def _expected(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "literal_error":
        return "spec.choice", str(context["expected"])
    if kind == "greater_than_equal":
        return "spec.range", f"{context['ge']} or more"
    if kind == "less_than_equal":
        return "spec.range", f"at most {context['le']}"
    return "spec.type", _EXPECTED.get(kind, kind.replace("_", " "))


def fields_at(path: yaml.Path) -> list[str]:
    """Return the keys that the spec knows at path."""
    model: type[BaseModel] = Spec
    named = False  # whether the next part is a name that the user chose
    for part in path:
        field = None if named or isinstance(part, int) else model.model_fields.get(part)
        named = field is not None and get_origin(field.annotation) is dict
        found = _model_in(field.annotation) if field else None
        model = found or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)
