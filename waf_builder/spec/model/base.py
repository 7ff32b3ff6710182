"""What every part of a spec has in common."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_T = TypeVar("_T")


class SpecModel(BaseModel):
    """Frozen and strict: an unknown key is an error, and no value is converted silently."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        arbitrary_types_allowed=True,
    )


class OrOff:
    """Lets a field of a route be `off` where the whole spec's value should not hold.

    pydantic reads a union by trying everything and reports each try; this reports only what is
    wrong with the value that is no `off`.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler.generate_schema(get_args(source)[0])
        return core_schema.no_info_wrap_validator_function(_or_off, inner)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"const": OFF}]}


OFF: Literal["off"] = "off"


def _or_off(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
    return value if value == OFF or value is None else inner(value)


def effective(own: _T | Literal["off"] | None, common: _T | None) -> _T | None:
    """Return what holds on a route: its own value, the whole spec's where it has none."""
    if own is None:
        return common
    return None if own == OFF else own
