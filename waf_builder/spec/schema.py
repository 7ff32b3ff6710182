"""The JSON Schema of a spec."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from waf_builder.spec.environment import Deferred
from waf_builder.spec.meanings import meanings
from waf_builder.spec.model import Spec
from waf_builder.spec.types import written_duration


def json_schema() -> dict[str, Any]:
    """Return the schema that editors complete and check a `backend.yaml` with."""
    schema = Spec.model_json_schema(mode="validation", schema_generator=_Generator)
    for model in (schema, *schema["$defs"].values()):
        for field in model["properties"].values():
            _write_default_as_users_do(field)
            if "patternProperties" in field:  # a name of another form is refused
                field["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "waf-builder spec",
        "oneOf": [{"required": ["backend"]}, {"required": ["backends"]}],
    }


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Deferred) else super().encode_default(dft)

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        for name, meaning in meanings(schema["cls"]).items():
            found["properties"][name]["description"] = meaning
        return found


def _write_default_as_users_do(field: dict[str, Any]) -> None:
    """Make the default of a field one that an editor can insert, or leave it out."""
    default = field.get("default")
    if "$ref" in field or default in ([], {}, None):
        field.pop("default", None)  # what is left out stands at the inner fields, or is nothing
    elif field.get("type") == "string" and isinstance(default, int):
        field["default"] = written_duration(default)
