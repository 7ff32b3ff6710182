"""A part of a spec as names with values, as a person would write them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from waf_builder.diff.change import Change, list_change, value_changes
from waf_builder.spec.model import SpecModel

Settings = Mapping[str, Any]
"""Dotted names; a value is a list of texts, or one."""

_MB = 1024**2
_SECOND = 1000
_SIZES = frozenset({"max_body"})
_TIMES = frozenset({"connect", "send", "read"})
"""Milliseconds."""
_ALL_WHEN_EMPTY = frozenset({"methods", "content_types"})


def settings(model: SpecModel, without: Collection[str] = ()) -> Settings:
    """Return what a part of a spec says, defaults too; without: names that are left out."""
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        if name not in without:
            found |= dict(flat(name, getattr(model, name)))
    return found


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a value, or each that is in it, by its dotted name."""
    if isinstance(value, SpecModel):
        for key, inner in settings(value).items():
            yield f"{name}.{key}", inner
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, (list, tuple)):
        yield name, _listed(name, value)
    else:
        yield name, _text(name, value)


def changes(old: Settings, new: Settings) -> Iterator[Change]:
    """Yield what differs, by name."""
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, ""), new.get(name, "")
        if isinstance(was, list) or isinstance(now, list):
            yield from list_change(name, was or (), now or ())
        else:
            yield from value_changes({name: was}, {name: now})


def _listed(name: str, values: Sequence[Any]) -> list[str] | str:
    texts = [_text(name, value) for value in values]
    if name in _ALL_WHEN_EMPTY:  # "+ GET" where all were allowed would read as one more
        return ", ".join(texts) or "all"
    return texts


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SpecModel):
        inner = {key: text for key, text in settings(value).items() if text}
        if len(inner) == 1:
            return str(next(iter(inner.values())))
        return ", ".join(f"{key} {text}" for key, text in inner.items())
    if isinstance(value, int) and name in _SIZES:
        return f"{value // _MB}m" if value % _MB == 0 else f"{value:,} bytes"
    if isinstance(value, int) and name.rpartition(".")[2] in _TIMES:
        return f"{value // _SECOND}s" if value % _SECOND == 0 else f"{value}ms"
    return str(value)
