"""Filters that make a value safe where it is printed, or refuse it.

They format values, never directives. The spec's types have let only harmless values through; a
filter is the second lock.
"""

from __future__ import annotations

import re

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@*~+=,!()&-]+|[^\x00-\x7f\s]+")
_NOT_IN_NGINX = re.compile(r"[\x00-\x1f\x7f$]")
_SECLANG_VALUE = re.compile(r"[A-Za-z0-9 |/.+_,:*-]*")
# A quote ends the operator, %{ begins a macro, a backslash at the end continues the line.
_NOT_IN_PATTERN = re.compile(r'[\x00-\x1f\x7f"]|%\{|[\\%]\Z')
_SECLANG_TARGET = re.compile(
    r"[A-Z_]+(?::(?:[A-Za-z0-9_.$:\[\]/@~+!()=*-]+|'?/\^[A-Za-z0-9_.^$\[\]()?*+{}:|\\-]+\$/'?))?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SIZE_UNITS = ((1024**2, "m"), (1024, "k"))  # sizes have no g: nginx.org, configfile.html
_TIME_UNITS = ((3_600_000, "h"), (60_000, "m"), (1000, "s"))


def nginx_quote(value: str) -> str:
    """Return value as one quoted nginx argument; ValueError for what `$` or control would do."""
    if _NOT_IN_NGINX.search(value):
        raise ValueError(f"{value!r} cannot be an nginx argument")
    escaped = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def nginx_word(value: str) -> str:
    """Return value as one nginx argument, in quotes only where it needs them."""
    return value if _PLAIN_WORD.fullmatch(value) else nginx_quote(value)


def nginx_size(value: int) -> str:
    """Return bytes in nginx's units of 1024: `10m`."""
    for unit, letter in _SIZE_UNITS:
        if value % unit == 0:
            return f"{value // unit}{letter}"
    return str(value)


def nginx_time(value: int) -> str:
    """Return milliseconds in nginx's units: `28s`, `500ms`."""
    for unit, letter in _TIME_UNITS:
        if value % unit == 0:
            return f"{value // unit}{letter}"
    return f"{value}ms"


def seclang_value(value: str) -> str:
    """Return value as it can stand in `setvar:'tx.name=VALUE'`; ValueError for any other."""
    if not _SECLANG_VALUE.fullmatch(value):
        raise ValueError(f"{value!r} cannot be a value of a SecLang variable")
    return value


def seclang_pattern(value: str) -> str:
    """Return a regular expression as it can stand behind `@rx ` in double quotes, or ValueError."""
    if _NOT_IN_PATTERN.search(value):
        raise ValueError(f"{value!r} cannot be a regular expression of a SecLang rule")
    return value


def seclang_target(value: str) -> str:
    """Return what a rule does not look at, as it can stand in an exclusion, or ValueError."""
    if not _SECLANG_TARGET.fullmatch(value):
        raise ValueError(f"{value!r} cannot be the target of a SecLang rule")
    return value


def comment(value: str) -> str:
    """Return value as it can stand in a comment of nginx.conf or SecLang: one line."""
    return _CONTROL.sub(" ", value).rstrip("\\ ")


FILTERS = {
    filter_.__name__: filter_
    for filter_ in (
        nginx_quote,
        nginx_word,
        nginx_size,
        nginx_time,
        seclang_value,
        seclang_pattern,
        seclang_target,
        comment,
    )
}
