"""The other kinds of value that a spec holds, each with the message that its mistakes deserve.

Every pattern here is an allow-list: what passes can stand in nginx.conf and in a SecLang file
without becoming a directive.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, Strict, WithJsonSchema

from waf_builder.spec.address import HOST, MAX_NAME, PORT, without_zone
from waf_builder.spec.mistakes import fail, matching, pattern_schema, shown, text_of

_T = TypeVar("_T")
ListOf = Annotated[tuple[_T, ...], Strict(strict=False), Field(min_length=1)]
"""A YAML list with at least one element; a tuple once read."""

SERVER_NAME = rf"([*][.])?{HOST}"
HOST_HEADER = rf"{HOST}(:{PORT})?"
METHOD = "[A-Z]{3,20}"
_TYPE = "[a-z0-9][a-z0-9.+-]{0,63}"
CONTENT_TYPE = f"{_TYPE}/{_TYPE}"
HEADER = "[A-Za-z][A-Za-z0-9-]{0,63}"
_COOKIE = "cookie:[A-Za-z0-9_]{1,64}"
STICKY = f"client_ip|{_COOKIE}"
CLIENT_KEY = f"client_ip|header:{HEADER}|{_COOKIE}"
RATE = "[1-9][0-9]{0,5}r/[sm]"
USER = "[A-Za-z0-9._@-]{1,64}"
VARIABLE = "[A-Z][A-Z0-9_]{0,63}"
_TAKEN_VARIABLES = frozenset({"PORT", "PATH", "HOME"})
HEADER_VALUE = "[!-#%-~](?:[ -#%-~]{0,1998}[!-#%-~])?"
_UNIT_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def _server_name(value: Any) -> str:
    return _name(value, SERVER_NAME, "spec.route-host", "www.example.com or *.example.com")


def _host_name(value: Any) -> str:
    return _name(value, HOST, "spec.host-name", "www.example.com")


def _name(value: Any, pattern: str, code: str, example: str) -> str:
    text = text_of(value, code, "a host name such as www.example.com").lower()
    # nginx's `_` is a name that nobody asks for, not a wildcard.
    if not re.fullmatch(pattern, text) or len(text) > MAX_NAME or text == "_":
        raise fail(
            code,
            f"{text!r} is not a host name, expected one such as {example}",
            "A host stands without scheme, port and path.",
        )
    return text


_RANGE = "[0-9A-Fa-f:.]+(/[0-9]{1,3})?"
"""As much of an address range as an editor can check."""
_PATH = re.compile(r"""/[^\x00-\x20\x7f"'\\${};#?%<>|^`\[\]]*""")


def _path(value: Any) -> str:
    text = text_of(value, "spec.path", "a path such as /api/")
    if not text.startswith("/"):
        raise fail("spec.path", f"{text!r} does not start with /, expected a path such as /api/")
    if "%" in text:
        raise fail(
            "spec.path-encoded",
            f"{text!r} is percent-encoded and can never match",
            "nginx compares decoded paths: write the character itself.",
        )
    if "?" in text:
        raise fail("spec.path-query", f"{text!r} holds a query, expected the path alone")
    if not _PATH.fullmatch(text):
        raise fail(
            "spec.path",
            f"{text!r} holds a character that a path here cannot have",
            "No spaces, quotes, backslashes, braces, brackets, $, ; or #.",
        )
    segments = text.split("/")
    if "//" in text or "." in segments or ".." in segments:
        raise fail(
            "spec.path-normal",
            f"{text!r} can never match: nginx compares paths without '//', '.' and '..'",
        )
    return text


def _method(value: Any) -> str:
    text = text_of(value, "spec.method", "a method such as GET")
    if not re.fullmatch(METHOD, text):
        raise fail("spec.method", f"{text!r} is not a method, expected capital letters such as GET")
    if text in {"CONNECT", "TRACE"}:
        raise fail("spec.method-refused", f"{text!r} is refused by nginx and cannot be allowed")
    return text


def _content_type(value: Any) -> str:
    hint = "Lower case, without parameters and wildcards: the Core Rule Set compares whole names."
    expected = "a content type such as application/json"
    return matching("spec.content-type", value, CONTENT_TYPE, expected, hint)


def _header(value: Any) -> str:
    return matching("spec.header", value, HEADER, "a header name such as X-Real-IP")


def _header_value(value: Any) -> str:
    text = text_of(value, "spec.header-value", "the value of a header, as text in quotes")
    if not re.fullmatch(HEADER_VALUE, text):
        raise fail(
            "spec.header-value",
            f"{text!r} cannot be the value of a header",
            "Printable ASCII up to 2000 characters, without $ (a variable of nginx), and no space"
            " at either end.",
        )
    return text


def _cidr(value: Any) -> str:
    network = _address_range(value)
    if network.endswith("/0"):
        raise fail(
            "spec.trusts-everybody",
            f"{value!r} would trust everybody to say who the client is",
            "Anyone could then forge an address. Name the ranges of the proxies before the WAF.",
        )
    return network


def _address_range(value: Any) -> str:
    text = text_of(value, "spec.cidr", "an address range such as 172.16.0.0/12")
    try:
        return str(ipaddress.ip_network(without_zone(text)))
    except ValueError as error:
        raise fail("spec.cidr", f"{text!r} is not an address range: {error}") from None


_PAGE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*[.]html?")


def _page(value: Any) -> str:
    text = text_of(value, "spec.page", "a file beside the spec such as errors/page.html")
    if not _PAGE.fullmatch(text):
        raise fail(
            "spec.page",
            f"{text!r} is not a page, expected an HTML file beside the spec: errors/page.html",
            "Letters, digits, dots, hyphens and underscores; no .. and no leading /.",
        )
    return text


def _share(value: Any) -> float:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    if not 0 < number <= 1 or round(number, 4) != number:
        raise fail(
            "spec.share",
            f"{shown(value)} is not a share, expected a number from 0.0001 to 1 such as 0.1",
            "nginx divides requests in steps of 0.0001.",
        )
    return float(number)


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,9})([kmg]?)", value) if isinstance(value, str) else None
    if not match:
        raise fail("spec.size", f"{shown(value)} is not a size, expected one such as 512k or 10m")
    return int(match[1]) * _UNIT_BYTES[match[2]]


def _duration(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,5})(ms|s|m|h)", value) if isinstance(value, str) else None
    if not match:
        raise fail(
            "spec.duration", f"{shown(value)} is not a duration, expected one such as 500ms or 28s"
        )
    return int(match[1]) * _UNIT_MS[match[2]]


def written_duration(milliseconds: int) -> str:
    """Return a duration as a spec has it: 28s, 500ms."""
    fits = [unit for unit, size in _UNIT_MS.items() if milliseconds % size == 0]
    return f"{milliseconds // _UNIT_MS[fits[-1]]}{fits[-1]}"


def _sticky(value: Any) -> str:
    text = text_of(value, "spec.sticky", "client_ip or cookie:NAME")
    if not re.fullmatch(STICKY, text):
        raise fail("spec.sticky", f"{text!r} is neither client_ip nor cookie:NAME")
    return text


def _client_key(value: Any) -> str:
    text = text_of(value, "spec.client-key", "client_ip, header:NAME or cookie:NAME")
    if not re.fullmatch(CLIENT_KEY, text):
        raise fail("spec.client-key", f"{text!r} is not client_ip, header:NAME or cookie:NAME")
    return text


def _rate(value: Any) -> str:
    return matching("spec.rate", value, RATE, "a rate such as 20r/s or 30r/m")


def _user_name(value: Any) -> str:
    hint = "Letters, digits and . _ @ -; a colon would end the name."
    return matching("spec.user", value, USER, "a user name such as staging", hint)


def _variable_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(VARIABLE, value) or value in _TAKEN_VARIABLES:
        raise fail(
            "spec.variable",  # what stands here may be the password itself
            "this is not the name of a variable, expected one such as SITE_PASSWORD",
            "Capital letters, digits and _; the name alone, without $ and never the password.",
        )
    return value


def _host_header(value: Any) -> str:
    text = text_of(value, "spec.host-header", "preserve, internal or a host name")
    if not re.fullmatch(HOST_HEADER, text):
        raise fail("spec.host-header", f"{text!r} is not preserve, internal or a host name")
    return text


ServerName = Annotated[str, PlainValidator(_server_name), pattern_schema(SERVER_NAME)]
HostName = Annotated[str, PlainValidator(_host_name), pattern_schema(HOST)]
Path = Annotated[str, PlainValidator(_path), pattern_schema(_PATH.pattern)]
Method = Annotated[str, PlainValidator(_method), pattern_schema(METHOD)]
ContentType = Annotated[str, PlainValidator(_content_type), pattern_schema(CONTENT_TYPE)]
HeaderName = Annotated[str, PlainValidator(_header), pattern_schema(HEADER)]
HeaderValue = Annotated[str, PlainValidator(_header_value), pattern_schema(HEADER_VALUE)]
Cidr = Annotated[str, PlainValidator(_cidr), pattern_schema(_RANGE)]
AddressRange = Annotated[str, PlainValidator(_address_range), pattern_schema(_RANGE)]
Size = Annotated[
    int,
    PlainValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[1-9][0-9]*[kmg]?$"},
            ]
        }
    ),
]
"""Bytes; written 512k or 10m, in units of 1024 as nginx counts."""
Duration = Annotated[int, PlainValidator(_duration), pattern_schema("[1-9][0-9]*(ms|s|m|h)")]
"""Milliseconds; written 500ms, 28s, 1m, 1h."""
Share = Annotated[
    float,
    PlainValidator(_share),
    WithJsonSchema({"type": "number", "minimum": 0.0001, "maximum": 1}),
]
"""From 0.0001 to 1."""
PageFile = Annotated[str, PlainValidator(_page), pattern_schema(_PAGE.pattern)]
"""Relative to the spec's folder."""
Sticky = Annotated[str, PlainValidator(_sticky), pattern_schema(STICKY)]
ClientKey = Annotated[str, PlainValidator(_client_key), pattern_schema(CLIENT_KEY)]
Rate = Annotated[str, PlainValidator(_rate), pattern_schema(RATE)]
"""Written 20r/s or 30r/m, as nginx does."""
UserName = Annotated[str, PlainValidator(_user_name), pattern_schema(USER)]
VariableName = Annotated[str, PlainValidator(_variable_name), pattern_schema(VARIABLE)]
HostHeader = Annotated[str, PlainValidator(_host_header), pattern_schema(HOST_HEADER)]
