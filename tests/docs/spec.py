"""The spec's reference, from the fields, types, defaults and docstrings of the model."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, PlainValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from waf_builder.render.filters import nginx_size, nginx_time
from waf_builder.spec import model
from waf_builder.spec.environment import Deferred
from waf_builder.spec.keys import model_in
from waf_builder.spec.meanings import meanings
from waf_builder.spec.model.base import OrOff

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The whole file", model.Spec),
    ("`backend`, and each of `backends`", model.Backend),
    ("`timeouts` of a backend", model.Timeouts),
    ("`waf`", model.WafPolicy),
    ("Each of `waf.plugins`", model.Plugin),
    ("`corrections` of `waf`, of a route too", model.Corrections),
    ("`extra_detection` of `waf`, of a route too", model.ExtraDetection),
    ("Each of `routes`", model.Route),
    ("`timeouts` of a route", model.RouteTimeouts),
    ("`waf` of a route", model.WafOverride),
    ("Each of `exclusions`", model.Exclusion),
    ("`access`, of a route too", model.Access),
    ("`basic_auth`, of a route too", model.BasicAuth),
    ("`rate_limit`, of a route too", model.RateLimit),
    ("`headers`, of a route too", model.Headers),
    ("`response` and `request` of `headers`", model.HeaderChanges),
    ("`client_ip`", model.ClientIp),
    ("`health`", model.Health),
    ("`errors`", model.Errors),
    ("`logs`", model.Logs),
)

_WORDS = {
    "_process": "process type",
    "_steps": "`true`, `false`, or list: name of a step",
    "_port": "1-65535",
    "_app_id": "`ap-<uuid>`",
    "_network_id": "`pn-<uuid>`",
    "_host": "host name or address",
    "_server_name": "host name, `*.` may stand before it",
    "_page": "HTML file",
    "_share": "0.0001-1",
    "_path": "path",
    "_method": "method",
    "_content_type": "content type",
    "_header": "header name",
    "_cidr": "address range",
    "_address_range": "address range",
    "_host_name": "host name",
    "_rate": "rate: `20r/s`, `30r/m`",
    "_client_key": "`client_ip`, `header:NAME` or `cookie:NAME`",
    "_user_name": "name",
    "_variable_name": "name of a variable",
    "_size": "size: `512k`, `10m`",
    "_date": "day: `2027-03-31`",
    "_duration": "time: `500ms`, `28s`",
    "_sticky": "`client_ip` or `cookie:NAME`",
    "_crs": 'a major such as `"4"`, or a version such as `4.25.1`',
    "_rule_id": "rule id: `942100`",
    "_rule_tag": "tag: `attack-sqli`",
    "_target": "`COLLECTION`, `COLLECTION:key` or `COLLECTION:/^regex$/`",
    "_reason": "a sentence",
    "_plugin_name": "name",
    "_plugin_folder": "folder",
    "_plugin_url": "URL of a `.tar.gz`",
    "_sha256": "64 hexadecimal digits",
    "_host_header": "`preserve`, `internal` or a name",
}
"""How a page calls what a type's validator takes."""

_WRITTEN: dict[str, Callable[[Any], str]] = {"_size": nginx_size, "_duration": nginx_time}
_PLAIN = {
    bool: "`true` or `false`",
    str: "name",
    model.Route: "Route",
    model.Exclusion: "Exclusion",
    model.Plugin: "name, or Plugin",
}


def spec_tables() -> str:
    """Return a table for each part of the spec."""
    return "\n".join(_table(title, found) for title, found in SECTIONS)


def content_types() -> str:
    """Return the default of allowed_content_types, which is too long for a table."""
    field = model.WafPolicy.model_fields["allowed_content_types"]
    return " ".join(f"`{name}`" for name in field.default) + "\n"


def fields() -> list[tuple[type[BaseModel], str]]:
    """Return every field of the spec with the model that it is in."""
    return [(found, name) for _, found in SECTIONS for name in found.model_fields]


def _table(title: str, found: type[BaseModel]) -> str:
    lines = [f"### {title}", "", "| key | value | default | what it does |", "|---|---|---|---|"]
    means = meanings(found)
    for name, field in found.model_fields.items():
        meaning = " ".join(means[name].split()).replace("<", "&lt;")
        lines.append(f"| `{name}` | {_type(field)} | {_default(name, field)} | {meaning} |")
    return "\n".join([*lines, ""])


def _type(field: FieldInfo) -> str:
    words = _words(field.annotation, tuple(field.metadata)).replace("|", "\\|")
    can_be_off = any(isinstance(one, OrOff) for one in field.metadata)
    return f"{words}, or `off`" if can_be_off else words


def _words(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if validator := _validator(metadata):
        return _WORDS.get(validator, validator.strip("_").replace("_", " "))
    if origin is typing.Annotated:
        return _words(arguments[0], arguments[1:])
    if origin in {typing.Union, types.UnionType}:
        return _words(next(one for one in arguments if one is not type(None)), metadata)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        inner = _words(arguments[0])
        return f"list of {inner.lower()}s" if inner in {"Route", "Exclusion"} else f"list: {inner}"
    if origin is dict:
        return "backends by name" if model_in(annotation) else "values by name"
    return _range(metadata) if annotation is int else _PLAIN.get(annotation, "see below")


def _validator(metadata: tuple[Any, ...]) -> str:
    found = [one.func for one in metadata if isinstance(one, PlainValidator)]
    return found[0].__name__ if found else ""


def _range(metadata: tuple[Any, ...]) -> str:
    limits: dict[str, Any] = {}
    for one in metadata:
        for part in [one, *getattr(one, "metadata", [])]:
            limits |= {name: getattr(part, name) for name in ("ge", "le") if hasattr(part, name)}
    return f"{limits['ge']}-{limits['le']}"


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if name == "allowed_content_types" and value:
        return "see below"
    if value is None or value in ((), {}) or isinstance(value, BaseModel):
        return ""
    return f"`{_as_written(value, field)}`"


def _as_written(value: Any, field: FieldInfo) -> str:
    assert value is not PydanticUndefined
    if isinstance(value, Deferred):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    write = _WRITTEN.get(_validator(tuple(field.metadata)), str)
    return write(value)
