"""The places of a request where rules look, and what puts a text there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from waf_builder.verify.parts import OF_FIELDS, Parts
from waf_builder.verify.wire import NOT_IN_A_LINE

_MOST_IN_LINE = 1500
"""Characters: encoded they are three times as many, and nginx takes 8 KB."""

_TOKEN = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"(),/:;<=>?@[\\]{}')

_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"}
)
"""Headers that say how long a request is, or whose; no answer may come to it."""

Put = Callable[[Parts, str, str], None]
"""Puts a text into a request, under a name where the place has one."""


def _in_value(parts: Parts, name: str, text: str) -> None:
    (_in_query_value if _in_head(parts) else _in_field_value)(parts, name, text)


def _in_name(parts: Parts, name: str, text: str) -> None:
    (_in_query_name if _in_head(parts) else _in_field_name)(parts, name, text)


def _in_head(parts: Parts) -> bool:
    return parts.kind not in OF_FIELDS or parts.random.random() < 0.3  # noqa: PLR2004


def _maybe_twice(parts: Parts, name: str, text: str) -> list[tuple[str, str]]:
    """Return a name and its value, at times beside another value of the same name."""
    both = parts.random.choice(([], [], [], [], [""], ["1"]))
    both.insert(parts.random.randint(0, len(both)), text)
    return [(name, value) for value in both]


def _in_query_value(parts: Parts, name: str, text: str) -> None:
    parts.pairs += _maybe_twice(parts, name, text[:_MOST_IN_LINE])


def _in_query_name(parts: Parts, _name: str, text: str) -> None:
    parts.pairs.append((text[:_MOST_IN_LINE], "1"))


def _in_field_value(parts: Parts, name: str, text: str) -> None:
    parts.kind = parts.kind if parts.kind in OF_FIELDS else "form"
    parts.fields += _maybe_twice(parts, name, text)


def _in_field_name(parts: Parts, _name: str, text: str) -> None:
    _in_field_value(parts, text, "1")


def _in_posted_value(parts: Parts, name: str, text: str) -> None:
    parts.kind = parts.random.choice(("form", "parts"))  # of JSON, the engine knows ARGS alone
    _in_field_value(parts, name, text)


def _in_posted_name(parts: Parts, _name: str, text: str) -> None:
    _in_posted_value(parts, text, "1")


def _in_query(parts: Parts, _name: str, text: str) -> None:
    parts.query = text[:_MOST_IN_LINE]


def _in_path(parts: Parts, _name: str, text: str) -> None:
    parts.path = text[:_MOST_IN_LINE]


def _in_target(parts: Parts, name: str, text: str) -> None:
    parts.random.choice((_in_path, _in_query, _in_query_value))(parts, name, text)


def _in_cookie(parts: Parts, name: str, text: str) -> None:
    parts.cookies.append((name, text[:_MOST_IN_LINE]))


def _in_cookie_name(parts: Parts, _name: str, text: str) -> None:
    parts.cookies.append((text[:_MOST_IN_LINE].replace("=", "-"), "1"))


def _in_header(parts: Parts, name: str, text: str) -> None:
    if name.lower() not in _OF_THE_CONNECTION:
        parts.headers.append((name, text[:_MOST_IN_LINE]))


def _in_header_name(parts: Parts, _name: str, text: str) -> None:
    _in_header(parts, "".join(filter(_TOKEN.__contains__, text))[:100] or "X-Any", "1")


def _in_file_name(parts: Parts, _name: str, text: str) -> None:
    parts.kind = "parts"
    parts.file = ("file", text)


def _in_name_of_file(parts: Parts, _name: str, text: str) -> None:
    parts.kind = "parts"
    parts.file = (text, "a.txt")


def _in_header_of_part(parts: Parts, _name: str, text: str) -> None:
    parts.kind = "parts"
    parts.part = text if ":" in text else f"X-Any: {text}"


def _in_text(parts: Parts, _name: str, text: str) -> None:
    parts.kind = "xml"
    parts.xml = ("", text)


def _in_attribute(parts: Parts, _name: str, text: str) -> None:
    parts.kind = "xml"
    parts.xml = (text, "")


def _in_body(parts: Parts, _name: str, text: str) -> None:
    parts.kind, parts.text = parts.random.choice((
        ("text", text),
        ("form", text),
        ("json", json.dumps([text], ensure_ascii=False)),
        ("xml", f"<a>{escape(text.translate(NOT_IN_A_LINE))}</a>"),
    ))  # fmt: skip


PLACES: Mapping[str, Put] = {
    "ARGS": _in_value,
    "ARGS_GET": _in_query_value,
    "ARGS_GET_NAMES": _in_query_name,
    "ARGS_NAMES": _in_name,
    "ARGS_POST": _in_posted_value,
    "ARGS_POST_NAMES": _in_posted_name,
    "FILES": _in_file_name,
    "FILES_NAMES": _in_name_of_file,
    "MULTIPART_PART_HEADERS": _in_header_of_part,
    "QUERY_STRING": _in_query,
    "REQUEST_BASENAME": _in_path,
    "REQUEST_BODY": _in_body,
    "REQUEST_COOKIES": _in_cookie,
    "REQUEST_COOKIES_NAMES": _in_cookie_name,
    "REQUEST_FILENAME": _in_path,
    "REQUEST_HEADERS": _in_header,
    "REQUEST_HEADERS_NAMES": _in_header_name,
    "REQUEST_LINE": _in_target,
    "REQUEST_URI": _in_target,
    "REQUEST_URI_RAW": _in_target,
    "XML:/*": _in_text,
    "XML://@*": _in_attribute,
}
"""By the variable that shows it; by the whole name where a selector is no name."""
