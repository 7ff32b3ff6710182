"""The variables that a boot takes from the environment, filled in as start-waf does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from waf_builder.config.model import Backend, BootField
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


def check_variables(fields: Sequence[BootField], environ: Mapping[str, str]) -> Result:
    """Return whether each variable is set and fits; never a value that does not."""
    if not fields:
        return ok(CHECK, "the spec needs none at boot")
    wrong = [_wrong(field, environ) for field in fields if value_of(field, environ) is None]
    if not wrong:
        return ok(CHECK, ", ".join(dict.fromkeys(_right(field, environ) for field in fields)))
    hint = "\n".join(
        f"{field.where} is {_written(field)}, expected {field.pattern}."
        for field in fields
        if value_of(field, environ) is None
    )
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
