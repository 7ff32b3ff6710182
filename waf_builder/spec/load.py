"""From the text of a `backend.yaml` to a Spec, or to every problem in it at once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Place, Problem, errors_in
from waf_builder.spec import yaml
from waf_builder.spec.effective import apply_presets
from waf_builder.spec.environment import (
    Deferred,
    FromEnvironment,
    mentions_environment,
    resolve,
)
from waf_builder.spec.model import Spec
from waf_builder.spec.salvage import problems_elsewhere
from waf_builder.spec.validate import Locator, validate
from waf_builder.spec.wrongvalues import wrong_values
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
            problems += wrong_values(error, document)
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
            try:
                data[key] = _resolved(value, inner, environ)
            except ValueError as error:
                document.unreadable.add(inner)
                message = f"{yaml.dotted(inner)}: {error}"
                document.problems.append(
                    Problem("spec.environment", message, document.place(inner))
                )


def _resolved(text: str, path: yaml.Path, environ: Mapping[str, str]) -> FromEnvironment | Deferred:
    """Return text with its variables replaced; ValueError where it can have none, or not these."""
    if not _allows_environment(path):
        fields = ", ".join(sorted(_FROM_ENVIRONMENT))
        raise ValueError(f"{text!r} has a variable, which only a backend's {fields} can have")
    try:
        return resolve(text, environ)
    except ValueError as error:
        raise ValueError(f"{error}, got {text!r}") from None


def _allows_environment(path: yaml.Path) -> bool:
    in_backend = path[:1] == ("backend",) or path[:1] == ("backends",)
    depth = 2 if path[:1] == ("backend",) else 3
    return in_backend and len(path) == depth and path[-1] in _FROM_ENVIRONMENT
