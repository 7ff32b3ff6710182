"""Every directive of the templates that has a number, since each number is a decision."""

from __future__ import annotations

import re

from waf_builder.paths import builtin_templates

_DIRECTIVE = re.compile(
    r"^\s*(?P<name>[a-z][a-z_]+|Sec[A-Za-z]+) (?P<value>[^;\n]*);?$", re.MULTILINE
)
_NUMBER = re.compile(r"(?<![\w$./{}-])\d+[kmgs]?(?![\w.{}])")
_NO_DECISION = frozenset({"map", "default", "proxy_http_version", "SecAction", "SecRule"})
"""`map` lines and rules hold numbers of other kinds: a status, an id, a yes or no."""


def numbers() -> set[tuple[str, str]]:
    """Return each directive with each of its numbers: `("keepalive_timeout", "4s")`."""
    root = builtin_templates()
    return {
        (found["name"], number)
        for file in root.rglob("*.conf.j2")
        for found in _DIRECTIVE.finditer(file.read_text(encoding="utf-8"))
        if found["name"] not in _NO_DECISION
        for number in _NUMBER.findall(re.sub(r"\{[{%#].*?[}%#]\}", "", found["value"]))
    }
