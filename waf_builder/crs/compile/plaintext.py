"""Whether a rule can match a text of letters, digits and a few signs only."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import cache
from typing import Any

from waf_builder.seclang import Rule

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    # re's own parser; Python 3.11 moved it, and the old name still works there.
    try:
        from re import _parser as sre_parse  # type: ignore[attr-defined]
    except ImportError:  # Python 3.10
        import sre_parse

PLAIN = frozenset("\x14-./_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

_KEEP_PLAIN = frozenset({
    "none", "lowercase", "urldecodeuni", "urldecode", "htmlentitydecode", "jsdecode", "cssdecode",
    "removenulls", "utf8tounicode", "removewhitespace", "compresswhitespace", "replacecomments",
    "cmdline", "removecommentschar",
})  # fmt: skip
"""Transformations that leave a plain text plain: what they decode starts with another sign."""

_OF_PATHS = frozenset({"normalizepath", "normalizepathwin", "normalisepath", "normalisepathwin"})
"""These drop parts of a path, and leave nothing that was not there but a slash."""

_BACKSLASH_IN_SECLANG = re.compile(r'\\(?=")')

_NEEDED = re.compile(
    r"""
    [A-Za-z0-9]+(?![A-Za-z0-9*+?{])
  | (?: \[(?:\\[^A-Za-z0-9]|[^]\\[&|~-])+\] | \\s | \. ) [*?]\??(?![*+?{])
  | ( \\x[0-9A-Fa-f]{2} | \\. | \[\^?\]?(?:\\.|[^]\\])*\] | \(\?[A-Za-z-]* | \{[A-Za-z0-9,]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
"""Passes over letters and digits, which any plain text may have, and `[...]*`, which none needs."""

_ODD = re.compile(
    r"""
    \\[uUN0-9] | \(\?[P(\#] | \(\?<[^=!] | \(\?[A-Za-z-]*x | (?<=.)\(\?[A-Za-z-]+\)
  | (?<!\\)(?:\\\\)*\{(?![0-9]+(?:,[0-9]*)?\}|[]|)}])
    """,
    re.VERBOSE | re.DOTALL,
)
"""What could mean something else where a part before or behind it is passed over."""


def cannot_match(rule: Rule, plain: frozenset[str] = PLAIN) -> bool:
    """Return whether a rule is known not to match a text of these characters.

    plain: with every letter in both cases, and every digit.

    Sound and not complete: False where it is not known.
    """
    operator = rule.operator
    if operator is None or operator.negated or operator.name.lower() != "rx":
        return False
    kept = kept_by(rule, plain)
    if kept is None:
        return False
    parsed = _needed_of(_BACKSLASH_IN_SECLANG.sub("", operator.argument))
    return parsed is not None and not _possible(parsed, kept)


@cache  # asked for each alphabet
def _needed_of(pattern: str) -> Iterable[Any] | None:
    return _read(needed(pattern))


def _read(pattern: str) -> Iterable[Any] | None:
    """Return an expression as Python reads it; None where it means something else to PCRE."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            items: Iterable[Any] = sre_parse.parse(pattern, re.MULTILINE | re.DOTALL)
    except (re.error, FutureWarning, DeprecationWarning, RecursionError, OverflowError):
        return None
    return items


def needed(pattern: str) -> str:
    """Return a shorter expression that plain characters may match where they may match this one.

    Python's parser takes its time, and of long lists of words little is left.
    """
    return pattern if _ODD.search(pattern) else "".join(_NEEDED.findall(pattern))


def kept_by(rule: Rule, plain: frozenset[str]) -> frozenset[str] | None:
    """Return the characters that a plain text can have once the rule has decoded it.

    None where that is not known.
    """
    transformations = {value.lower() for value in rule.values("t")}
    if not transformations <= _KEEP_PLAIN | _OF_PATHS:
        return None
    if "cmdline" in transformations and "," in plain:  # which it makes a blank
        plain |= {" "}
    return plain | {"/"} if transformations & _OF_PATHS else plain


def _possible(items: Iterable[Any], plain: frozenset[str]) -> bool:
    """Return whether each item of a sequence may match plain characters, or nothing at all."""
    return all(_item(str(name), argument, plain) for name, argument in items)


def _item(name: str, argument: Any, plain: frozenset[str]) -> bool:
    if name == "LITERAL":
        return chr(argument) in plain
    if name == "IN":
        return _class(argument, plain)
    if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, _, items = argument
        return least == 0 or _possible(items, plain)
    if name == "SUBPATTERN":
        return _possible(argument[3], plain)
    if name == "BRANCH":
        return any(_possible(items, plain) for items in argument[1])
    return True  # anything else may match


def _class(items: list[tuple[Any, Any]], plain: frozenset[str]) -> bool:
    if str(items[0][0]) == "NEGATE":
        return True
    for name, argument in items:
        if str(name) == "LITERAL" and chr(argument) in plain:
            return True
        if str(name) == "RANGE" and any(argument[0] <= ord(one) <= argument[1] for one in plain):
            return True
        if str(name) == "CATEGORY" and (
            str(argument) != "CATEGORY_SPACE" or any(map(str.isspace, plain))
        ):
            return True
    return False
