"""The JSON Schema of a spec."""

from __future__ import annotations

from typing import Any

from waf_builder.spec.model import Spec


def json_schema() -> dict[str, Any]:
    """Return the schema that editors complete and check a `backend.yaml` with."""
    schema = Spec.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "waf-builder spec",
        "oneOf": [{"required": ["backend"]}, {"required": ["backends"]}],
    }
