"""The variables that a boot takes from the environment, filled in as start-waf does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from waf_builder.config.model import Backend, BasicAuth, BootField
from waf_builder.doctor.result import Result, failed, ok

CHECK = "variables"


def value_of(field: BootField, environ: Mapping[str, str]) -> str | None:
    """Return the whole value of a field, or None when it is missing or does not fit."""
    given = environ.get(field.name) or field.default
    whole = f"{field.prefix}{given}{field.suffix}"
    return whole if given and re.fullmatch(field.pattern, whole) else None


def address_of(backend: Backend, environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Return a backend's host and port, or None while a variable is missing."""
    text = backend.address
    for field in backend.fields:
        value = value_of(field, environ)
        if value is None:
            return None
        text = text.replace(f"@{field.token}@", value)
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def check_variables(
    fields: Sequence[BootField], passwords: Sequence[BasicAuth], environ: Mapping[str, str]
) -> Result:
    """Return whether each variable is set and fits; never a value that does not."""
    if not fields and not passwords:
        return ok(CHECK, "the spec needs none at boot")
    missing = [one for one in passwords if not environ.get(one.variable)]
    wrong = [_wrong(field, environ) for field in fields if value_of(field, environ) is None]
    wrong += [f"{one.variable} is not set" for one in missing]
    if not wrong:
        right = [
            *(_right(field, environ) for field in fields),
            *(one.variable for one in passwords),
        ]
        return ok(CHECK, ", ".join(dict.fromkeys(right)))
    lines = [
        f"{field.where} is {_written(field)}, expected one such as {field.sample}."
        for field in fields
        if value_of(field, environ) is None
    ]
    lines += [f"{one.variable} holds the password of {one.where}." for one in missing]
    hint = "\n".join(lines)
    return failed(CHECK, "; ".join(dict.fromkeys(wrong)), f"start-waf stops here.\n{hint}")


def _right(field: BootField, environ: Mapping[str, str]) -> str:
    return field.name if environ.get(field.name) else f"{field.name} (its default)"


def _wrong(field: BootField, environ: Mapping[str, str]) -> str:
    given = environ.get(field.name)
    if not given:
        return f"{field.name} is not set"
    return f"{field.name} is set, but its {len(given)} characters do not fit"


def _written(field: BootField) -> str:
    return f"{field.prefix}${{{field.name}}}{field.suffix}"
