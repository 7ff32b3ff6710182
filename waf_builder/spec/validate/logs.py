"""How the keys of the log fit together."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.platform import Locator

_NEEDS = {"sample": ("all",), "query": ("all", "errors")}
"""Which lines a key is about."""


def logs(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what `logs` says of lines that are not written."""
    for key, lines in _NEEDS.items():
        if key in spec.logs.model_fields_set and spec.logs.access not in lines:
            yield Problem(
                "spec.logs-unused",
                f"logs.{key} changes nothing while logs.access is {spec.logs.access!r}",
                at(("logs", key)),
                f"Remove it, or write `access: {lines[0]}`.",
                Severity.WARNING,
            )
