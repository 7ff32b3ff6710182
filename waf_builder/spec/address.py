"""The parts of a backend's address, each with the message that its mistakes deserve.

Every pattern here is an allow-list, and start-waf checks by the same at boot: what passes can
stand in nginx.conf without becoming a directive.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from waf_builder.spec.environment import Deferred, FromEnvironment
from waf_builder.spec.mistakes import ENVIRONMENT, fail, pattern_schema, shown, text_of

PROCESS = "[A-Za-z0-9]{1,24}"
"""A process type of a Procfile: https://doc.scalingo.com/platform/app/procfile"""
DEFAULT_PROCESS = "web"
"""What the platform reads in a name without a process:
https://doc.scalingo.com/platform/networking/private/concepts"""
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
APP_ID = f"ap-{_UUID}"
NETWORK_ID = f"pn-{_UUID}"
PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
"""1-65535, and nothing above it: at boot there is only this pattern to check by."""
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = rf"{_LABEL}([.]{_LABEL})*"

LOCALHOST = "127.0.0.1"
"""What `localhost` is (RFC 6761); nginx asks a name server, which need not know, and never
reads /etc/hosts."""
MAX_PORT = 65535
MAX_NAME = 253
"""Octets of a domain name in its text form, RFC 1035."""


def _at_boot(value: Deferred, check: Callable[[Any], object], pattern: str) -> Deferred:
    """Check what is known now of a value that is completed at boot, as start-waf will."""
    if not re.fullmatch("[A-Za-z0-9._-]*", value.prefix + value.suffix):
        raise fail(
            "spec.environment",
            f"{str(value)!r} holds a character that no name or id has",
            "Around the variable there can be letters, digits, dots, hyphens and underscores.",
        )
    if value.default:
        whole = FromEnvironment(value.prefix + value.default + value.suffix, str(value))
        check(whole)
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
    name = text_of(value, "spec.process", "a process type of the backend's Procfile")
    if re.search(r"\s", name):
        raise fail(
            "spec.process-space",
            f"{name!r} has a space, expected one word",
            "It is the name before the colon in the Procfile: letters and digits only.",
        )
    if name == "postdeploy":
        raise fail(
            "spec.process-postdeploy",
            f"{name!r} runs once at each deployment and serves nothing",
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
    text = text_of(value, code, f"{prefix}-<uuid>")
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
        raise fail(
            f"{code}-prefix",
            f"{text!r} lacks its prefix, expected {_mended(text, f'{prefix}-{text}')}",
        )
    if re.fullmatch(f"{prefix}-{_UUID}", text, re.IGNORECASE):
        raise fail(f"{code}-case", f"{text!r} has capitals, expected {_mended(text, text.lower())}")
    article = "an" if noun[0] in "aeiou" else "a"
    raise fail(code, f"{text!r} is not {article} {noun} id, expected {prefix}-<uuid>", hint)


def _mended(text: str, right: str) -> str:
    """Return what to write instead; of what a variable holds, only the form."""
    return f"{right[:3]}<uuid>" if isinstance(text, FromEnvironment) else repr(right)


def _host(value: Any) -> str | Deferred:
    if isinstance(value, Deferred):
        return _at_boot(value, _host, HOST)
    text = text_of(value, "spec.host", "a host name or an address")
    if "://" in text or "/" in text:
        raise fail(
            "spec.host-url",
            f"{text!r} is a URL, expected a host name alone",
            "Write the name in `host` and the port in `port`.",
        )
    bare = text.removesuffix(".")
    literal = bare[1:-1] if bare[:1] == "[" and bare[-1:] == "]" else bare
    try:
        address = ipaddress.ip_address(without_zone(literal))
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
    return LOCALHOST if bare.lower() == "localhost" else bare


def without_zone(text: str) -> str:
    """Return text; ValueError for a zone (`fe80::1%eth0`), which may hold any character."""
    if "%" in text:
        raise ValueError("a zone cannot stand here")
    return text


Process = Annotated[
    str | Deferred, PlainValidator(_process), pattern_schema(PROCESS, environment=True)
]
Port = Annotated[
    int | Deferred,
    PlainValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_PORT},
                {"type": "string", "pattern": f"^.*{ENVIRONMENT}.*$"},
            ]
        }
    ),
]
AppId = Annotated[str | Deferred, PlainValidator(_app_id), pattern_schema(APP_ID, environment=True)]
NetworkId = Annotated[
    str | Deferred, PlainValidator(_network_id), pattern_schema(NETWORK_ID, environment=True)
]
Host = Annotated[
    str | Deferred,
    PlainValidator(_host),
    pattern_schema(rf"{HOST}|\[?[0-9A-Fa-f:.]+\]?", environment=True),
]
