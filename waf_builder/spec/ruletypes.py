"""What a spec says about rules: their ids and tags, exceptions to them, the version of the set."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from waf_builder.spec.mistakes import fail, matching, pattern_schema, shorten, shown, text_of

CRS = "[34]([.][0-9]{1,3}){0,2}"
_TAG = "[A-Za-z0-9][A-Za-z0-9_./-]{0,99}"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MAX_RULE_ID = 1_000_000_000
_MAX_REASON = 200


def _crs(value: Any) -> str:
    if isinstance(value, float):
        raise fail(
            "spec.crs",
            f"{value!r} is a number, expected text such as '4.25.1'",
            "4.1 and 4.10 are one number and two versions: put it in quotes.",
        )
    # A major alone is the same written either way.
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not re.fullmatch(CRS, text):
        raise fail(
            "spec.crs",
            f"{shown(value)} is not a version of the Core Rule Set,"
            " expected a major such as '4' or an exact one such as 4.25.1",
        )
    return text


def _rule_id(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,8}", value):
        raise fail("spec.rule-id", f"{value!r} is quoted, expected a number: {value}")
    number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if not 0 < number < _MAX_RULE_ID:
        raise fail(
            "spec.rule-id",
            f"{shown(value)} is not a rule id, expected a number such as 942100",
            "Several stand in `rules: [942100, 942110]`." if isinstance(value, str | list) else "",
        )
    return number


def _rule_tag(value: Any) -> str:
    return matching("spec.rule-tag", value, _TAG, "a tag such as attack-sqli")


def _reason(value: Any) -> str:
    text = text_of(value, "spec.reason", "a sentence")
    if not text.strip() or not text.isprintable() or len(text) > _MAX_REASON:
        raise fail(
            "spec.reason",
            f"{shorten(text)!r} is no reason, expected one line of up to {_MAX_REASON} characters",
            "Say why an ordinary request matches the rule.",
        )
    return text


def _date(value: Any) -> dt.date:
    text = text_of(value, "spec.date", "a day such as 2027-03-31")
    try:
        if re.fullmatch(_DAY, text):
            return dt.date.fromisoformat(text)
    except ValueError:  # there is no February 30
        pass
    raise fail("spec.date", f"{text!r} is not a day, expected one such as 2027-03-31")


CrsVersion = Annotated[
    str,
    PlainValidator(_crs),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{CRS}$"}, {"type": "integer", "enum": [3, 4]}]}
    ),
]
RuleId = Annotated[
    int,
    PlainValidator(_rule_id),
    WithJsonSchema({"type": "integer", "minimum": 1, "exclusiveMaximum": _MAX_RULE_ID}),
]
RuleTag = Annotated[str, PlainValidator(_rule_tag), pattern_schema(_TAG)]
Reason = Annotated[
    str,
    PlainValidator(_reason),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _MAX_REASON}),
]
Date = Annotated[dt.date, PlainValidator(_date), pattern_schema(_DAY)]
"""A day; written 2027-03-31, with quotes or without."""
