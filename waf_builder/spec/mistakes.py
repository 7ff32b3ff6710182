"""How a value that is no good says so: a code, the value, what was expected, the way out."""

from __future__ import annotations

import re

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

ENVIRONMENT = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}"
"""A variable in a spec, `${NAME}` or `${NAME:-default}`."""


def fail(code: str, message: str, hint: str = "") -> PydanticCustomError:
    """Return the error that `load` turns into a Problem with this code, message and hint."""
    return PydanticCustomError(
        "spec", "{message}", {"code": code, "message": message, "hint": hint}
    )


def shown(value: object) -> str:
    """Return value as a message shows it: in YAML's words, text in quotes."""
    words = {None: "nothing", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def text_of(value: object, code: str, expected: str) -> str:
    """Return value if it is text; the error with this code if not."""
    if not isinstance(value, str):
        raise fail(code, f"{shown(value)}{kind_of(value)}, expected {expected}")
    return value


def matching(code: str, value: object, pattern: str, expected: str, hint: str = "") -> str:
    """Return value if it is text of a pattern; the error with this code if not.

    expected: what it should be and an example, `a method such as GET`.
    """
    text = text_of(value, code, expected)
    if not re.fullmatch(pattern, text):
        noun, _, example = expected.partition(" such as ")
        raise fail(code, f"{text!r} is not {noun}, expected one such as {example}", hint)
    return text


def kind_of(value: object) -> str:
    """Return what a value is, in words."""
    names = {int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return f" is {names[type(value)]}" if type(value) in names else " stands here"


def pattern_schema(pattern: str, *, environment: bool = False) -> WithJsonSchema:
    """Return the JSON Schema of text that fits pattern, or holds a variable."""
    both = f"^({pattern}|.*{ENVIRONMENT}.*)$" if environment else f"^({pattern})$"
    return WithJsonSchema({"type": "string", "pattern": both})


def shorten(text: str, limit: int = 80) -> str:
    """Return at most so many characters of a text, and dots where there are more."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
