"""The kinds of value that a spec holds, each with the message that its mistakes deserve.

Every pattern here is an allow-list: what passes can stand in nginx.conf and in a SecLang file
without becoming a directive.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from waf_builder.spec.environment import Deferred, FromEnvironment

_T = TypeVar("_T")
ListOf = Annotated[tuple[_T, ...], Strict(strict=False), Field(min_length=1)]
"""A YAML list with at least one element; a tuple once read."""

PROCESS = "[A-Za-z0-9]{1,24}"
"""A process type of a Procfile: https://doc.scalingo.com/platform/app/procfile"""
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
APP_ID = f"ap-{_UUID}"
NETWORK_ID = f"pn-{_UUID}"
PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
"""1-65535, and nothing above it: at boot there is only this pattern to check by."""
CRS = "[34]([.][0-9]{1,3}){0,2}"
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = rf"{_LABEL}([.]{_LABEL})*"
_ENVIRONMENT = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}"

MAX_PORT = 65535
MAX_NAME = 253
"""Octets of a domain name in its text form, RFC 1035."""
_UNIT_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def fail(code: str, message: str, hint: str = "") -> PydanticCustomError:
    """Return the error that `load` turns into a Problem with this code, message and hint."""
    return PydanticCustomError(
        "spec", "{message}", {"code": code, "message": message, "hint": hint}
    )


def shown(value: object) -> str:
    """Return value as a message shows it: in YAML's words, text in quotes."""
    words = {None: "nothing", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def _text(value: object, code: str, expected: str) -> str:
    if not isinstance(value, str):
        raise fail(code, f"{shown(value)}{_kind(value)}, expected {expected}")
    return value


def _kind(value: object) -> str:
    names = {int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return f" is {names[type(value)]}" if type(value) in names else " stands here"


def _at_boot(value: Deferred, check: Callable[[Any], object], pattern: str) -> Deferred:
    """Check what is known now of a value that is completed at boot, as start-waf will."""
    if not re.fullmatch("[A-Za-z0-9._-]*", value.prefix + value.suffix):
        raise fail(
            "spec.environment",
            f"{str(value)!r} holds a character that no name or id has",
            "Around the variable there can be letters, digits, dots, hyphens and underscores.",
        )
    if value.default:
        whole = value.prefix + value.default + value.suffix
        check(FromEnvironment(whole, str(value)))
        if not re.fullmatch(pattern, whole):
            raise fail(
                "spec.environment",
                f"{whole!r} cannot be filled in at boot, expected a name or an IPv4 address",
                "An IPv6 address or a dot at the end can stand here only without a variable.",
            )
    return value


def _process(value: Any) -> str | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _process, PROCESS)
    name = _text(value, "spec.process", "a process type of the backend's Procfile")
    if re.search(r"\s", name):
        raise fail(
            "spec.process-space",
            f"{name!r} has a space, expected one word",
            "It is the name before the colon in the Procfile: letters and digits only.",
        )
    if name == "postdeploy":
        raise fail(
            "spec.process-postdeploy",
            "'postdeploy' runs once at each deployment and serves nothing",
            "Name the process type that listens for requests.",
        )
    if not re.fullmatch(PROCESS, name):
        raise fail(
            "spec.process",
            f"{name!r} is not a process type, expected at most 24 letters and digits",
            "It is the name before the colon in the Procfile.",
        )
    return name


def _port(value: Any) -> int | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _port, PORT)
    if isinstance(value, FromEnvironment) and re.fullmatch(PORT, value):
        value = int(value)
    if type(value) is str and re.fullmatch("[0-9]+", value):
        raise fail("spec.port-quoted", f"{value!r} is quoted, expected a number: {value}")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PORT:
        raise fail(
            "spec.port-range",
            f"{shown(value)} is not a port, expected 1-{MAX_PORT}",
            "It is the port that the backend listens on inside the private network.",
        )
    return value


def _app_id(value: Any) -> str | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _app_id, APP_ID)
    return _platform_id(value, "ap", "application", "The dashboard shows it on the app's Settings.")


def _network_id(value: Any) -> str | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _network_id, NETWORK_ID)
    hint = "The dashboard shows it on the project's Private networks page."
    return _platform_id(value, "pn", "private network", hint)


def _platform_id(value: Any, prefix: str, noun: str, hint: str) -> str:
    code = f"spec.{'app' if prefix == 'ap' else 'network'}-id"
    text = _text(value, code, f"{prefix}-<uuid>")
    if re.fullmatch(f"{prefix}-{_UUID}", text):
        return text
    if re.fullmatch(NETWORK_ID if prefix == "ap" else APP_ID, text):
        other = "network_id" if prefix == "ap" else "app_id"
        raise fail(
            "spec.ids-swapped",
            f"{text!r} is not an {noun} id" if prefix == "ap" else f"{text!r} is not a {noun} id",
            f"It looks like the value of {other}; app_id starts with ap-, network_id with pn-.",
        )
    if re.fullmatch(_UUID, text):
        raise fail(f"{code}-prefix", f"{text!r} lacks its prefix, expected '{prefix}-{text}'")
    if re.fullmatch(f"{prefix}-{_UUID}", text, re.IGNORECASE):
        raise fail(f"{code}-case", f"{text!r} has capitals, expected {text.lower()!r}")
    article = "an" if noun[0] in "aeiou" else "a"
    raise fail(code, f"{text!r} is not {article} {noun} id, expected {prefix}-<uuid>", hint)


def _host(value: Any) -> str | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _host, HOST)
    text = _text(value, "spec.host", "a host name or an address")
    if "://" in text or "/" in text:
        raise fail(
            "spec.host-url",
            f"{text!r} is a URL, expected a host name alone",
            "Write the name in `host` and the port in `port`.",
        )
    bare = text.removesuffix(".")
    literal = bare[1:-1] if bare[:1] == "[" and bare[-1:] == "]" else bare
    try:
        address = ipaddress.ip_address(_without_zone(literal))
    except ValueError:
        pass
    else:
        return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
    if ":" in text and "%" not in text:
        raise fail("spec.host-port", f"{text!r} holds a port", "Write the port in `port`.")
    if not re.fullmatch(HOST, bare) or len(bare) > MAX_NAME or re.fullmatch(r"[0-9.]+", bare):
        raise fail(
            "spec.host",
            f"{text!r} is not a host name or an address",
            "Labels of at most 63 letters, digits and hyphens, separated by dots; 253 in all.",
        )
    return bare


def _without_zone(text: str) -> str:
    """Return text; ValueError for a zone (`fe80::1%eth0`), which may hold any character."""
    if "%" in text:
        raise ValueError("a zone cannot stand here")
    return text


def _server_name(value: Any) -> str:
    text = _text(value, "spec.route-host", "a host name such as www.example.com").lower()
    # nginx's `_` is a name that nobody asks for, not a wildcard.
    if not re.fullmatch(rf"([*][.])?{HOST}", text) or len(text) > MAX_NAME or text == "_":
        raise fail(
            "spec.route-host",
            f"{text!r} is not a host name, expected one such as www.example.com or *.example.com",
            "A host stands without scheme, port and path.",
        )
    return text


_PATH = re.compile(r"""/[^\x00-\x20\x7f"'\\${};#?%<>|^`\[\]]*""")


def _path(value: Any) -> str:
    text = _text(value, "spec.path", "a path such as /api/")
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
    text = _text(value, "spec.method", "a method such as GET")
    if not re.fullmatch("[A-Z]{3,20}", text):
        raise fail("spec.method", f"{text!r} is not a method, expected capital letters such as GET")
    if text in {"CONNECT", "TRACE"}:
        raise fail("spec.method-refused", f"{text!r} is refused by nginx and cannot be allowed")
    return text


def _content_type(value: Any) -> str:
    text = _text(value, "spec.content-type", "a content type such as application/json")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", text):
        raise fail(
            "spec.content-type",
            f"{text!r} is not a content type, expected one such as application/json",
            "Lower case, without parameters and wildcards: the Core Rule Set compares whole names.",
        )
    return text


def _header(value: Any) -> str:
    text = _text(value, "spec.header", "a header name such as X-Real-IP")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,63}", text):
        raise fail("spec.header", f"{text!r} is not a header name, expected one such as X-Real-IP")
    return text


def _cidr(value: Any) -> str:
    text = _text(value, "spec.cidr", "an address range such as 172.16.0.0/12")
    try:
        network = ipaddress.ip_network(_without_zone(text))
    except ValueError as error:
        raise fail("spec.cidr", f"{text!r} is not an address range: {error}") from None
    if network.prefixlen == 0:
        raise fail(
            "spec.trusts-everybody",
            f"{text!r} would trust everybody to say who the client is",
            "Anyone could then forge an address. Name the ranges of the proxies before the WAF.",
        )
    return str(network)


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
    text = _text(value, "spec.sticky", "client_ip or cookie:NAME")
    if not re.fullmatch("client_ip|cookie:[A-Za-z0-9_]{1,64}", text):
        raise fail("spec.sticky", f"{text!r} is neither client_ip nor cookie:NAME")
    return text


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


def _host_header(value: Any) -> str:
    text = _text(value, "spec.host-header", "preserve, internal or a host name")
    if not re.fullmatch(rf"{HOST}(:{PORT})?", text):
        raise fail("spec.host-header", f"{text!r} is not preserve, internal or a host name")
    return text


def _pattern(pattern: str, *, environment: bool = False) -> WithJsonSchema:
    both = f"^({pattern}|.*{_ENVIRONMENT}.*)$" if environment else f"^({pattern})$"
    return WithJsonSchema({"type": "string", "pattern": both})


Process = Annotated[str | Deferred, PlainValidator(_process), _pattern(PROCESS, environment=True)]
Port = Annotated[
    int | Deferred,
    PlainValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_PORT},
                {"type": "string", "pattern": f"^.*{_ENVIRONMENT}.*$"},
            ]
        }
    ),
]
AppId = Annotated[str | Deferred, PlainValidator(_app_id), _pattern(APP_ID, environment=True)]
NetworkId = Annotated[
    str | Deferred, PlainValidator(_network_id), _pattern(NETWORK_ID, environment=True)
]
Host = Annotated[str | Deferred, PlainValidator(_host), WithJsonSchema({"type": "string"})]
ServerName = Annotated[str, PlainValidator(_server_name), WithJsonSchema({"type": "string"})]
Path = Annotated[str, PlainValidator(_path), _pattern("/.*")]
Method = Annotated[str, PlainValidator(_method), _pattern("[A-Z]{3,20}")]
ContentType = Annotated[str, PlainValidator(_content_type), _pattern("[a-z0-9.+-]+/[a-z0-9.+-]+")]
HeaderName = Annotated[str, PlainValidator(_header), _pattern("[A-Za-z][A-Za-z0-9-]*")]
Cidr = Annotated[str, PlainValidator(_cidr), WithJsonSchema({"type": "string"})]
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
Duration = Annotated[int, PlainValidator(_duration), _pattern("[1-9][0-9]*(ms|s|m|h)")]
"""Milliseconds; written 500ms, 28s, 1m, 1h."""
Sticky = Annotated[str, PlainValidator(_sticky), _pattern("client_ip|cookie:[A-Za-z0-9_]+")]
CrsVersion = Annotated[
    str,
    PlainValidator(_crs),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{CRS}$"}, {"type": "integer", "enum": [3, 4]}]}
    ),
]
HostHeader = Annotated[str, PlainValidator(_host_header), WithJsonSchema({"type": "string"})]
