"""Which keys a spec has, and where."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from pydantic import BaseModel

from waf_builder.spec.model import Spec
from waf_builder.spec.yaml import Path


def fields_at(path: Path) -> list[str]:
    """Return the keys that the spec knows at path."""
    model: type[BaseModel] = Spec
    named = False  # whether the next part is a name that the user chose
    for part in path:
        field = None if named or isinstance(part, int) else model.model_fields.get(part)
        named = field is not None and get_origin(field.annotation) is dict
        model = (model_in(field.annotation) if field else None) or model
    return list(model.model_fields)


def owner_of(key: str, path: Path) -> tuple[str, ...] | None:
    """Return the keys around one that is unknown at path and known elsewhere: below, or at all."""
    here = tuple(part for part in path if isinstance(part, str))
    owners = _owners().get(key, ())
    below = (owner for owner in owners if owner[:-1] == here)
    return next(below, None) or next(iter(owners), None)


@functools.cache
def _owners() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return for each key of a spec the ways to the mappings that have it, the shortest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path, model in sorted(_models((), Spec), key=lambda entry: len(entry[0])):
        for name in model.model_fields:
            found.setdefault(name, []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def _models(
    path: tuple[str, ...], model: type[BaseModel]
) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        if inner := model_in(field.annotation):
            yield from _models((*path, name), inner)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of the mappings that a field holds, itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)
