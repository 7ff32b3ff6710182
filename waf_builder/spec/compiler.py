"""How much of the rule set is compiled: all steps, none, or those that are named."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from waf_builder.problem import did_you_mean
from waf_builder.spec.mistakes import fail, kind_of, shown

STEPS = (
    "switched-off",
    "conditions",
    "jumped-over",
    "response-bodies",
    "empty-jumps",
    "markers",
    "constant-exclusions",
    "written-exclusions",
    "file-names",
    "scores",
    "lists",
    "defaults",
    "screens",
)
"""Those of `crs/compile/passes/`, in their order."""


def _steps(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, (list, tuple)):
        raise fail(
            "spec.compile-steps",
            f"{shown(value)}{kind_of(value)}, expected true, false or a list of steps",
            f"The steps are {', '.join(STEPS)}.",
        )
    for step in value:
        if step not in STEPS:
            hint = did_you_mean(str(step), STEPS) or f"The steps are {', '.join(STEPS)}."
            raise fail("spec.compile-step", f"{shown(step)} is no step of the compiler", hint)
    return tuple(value)


CompilerSteps = Annotated[
    bool | tuple[str, ...],
    PlainValidator(_steps),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string", "enum": list(STEPS)}},
            ]
        }
    ),
]
