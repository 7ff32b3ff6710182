"""Operators: what stands behind the @ of a rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from waf_builder.seclang.vocabulary.word import Support, Word, by_name


class Takes(Enum):
    """What an operator takes as its argument."""

    NOTHING = auto()
    TEXT = auto()
    REGEX = auto()
    NUMBER = auto()
    FILE = auto()


@dataclass(frozen=True)
class OperatorWord(Word):
    """An operator, and what it takes.

    @fuzzyHash and @geoLookup are there only if libmodsecurity was built with ssdeep and MaxMind,
    as Debian's is.

    Without its argument an operator makes the lexer read on into the rule's actions; with an
    argument that it does not take, the whole text becomes a regular expression.
    """

    takes: Takes = Takes.TEXT


def _operator(name: str, takes: Takes, example: str) -> OperatorWord:
    return OperatorWord(name, example=example, takes=takes)


def _refused(name: str, example: str, why: str, instead: str = "") -> OperatorWord:
    return OperatorWord(name, Support.REFUSED, why, instead, (), example)


OPERATORS = by_name(
    (
        _operator("beginsWith", Takes.TEXT, "x"),
        _operator("contains", Takes.TEXT, "x"),
        _operator("containsWord", Takes.TEXT, "x"),
        _operator("detectSQLi", Takes.NOTHING, ""),
        _operator("detectXSS", Takes.NOTHING, ""),
        _operator("endsWith", Takes.TEXT, "x"),
        _operator("eq", Takes.NUMBER, "1"),
        _operator("fuzzyHash", Takes.FILE, "{folder}/hashes 6"),
        _operator("ge", Takes.NUMBER, "1"),
        _operator("geoLookup", Takes.NOTHING, ""),
        _refused("gsbLookup", "x", "Google's list in that form is gone"),
        _operator("gt", Takes.NUMBER, "1"),
        _operator("inspectFile", Takes.FILE, "/dev/null"),
        _operator("ipMatch", Takes.TEXT, "127.0.0.1"),
        _operator("ipMatchF", Takes.FILE, "/dev/null"),
        _operator("ipMatchFromFile", Takes.FILE, "/dev/null"),
        _operator("le", Takes.NUMBER, "1"),
        _operator("lt", Takes.NUMBER, "1"),
        _operator("pm", Takes.TEXT, "x y"),
        _operator("pmf", Takes.FILE, "/dev/null"),
        _operator("pmFromFile", Takes.FILE, "/dev/null"),
        _operator("rbl", Takes.TEXT, "dnsbl.example"),
        _refused("rsub", "s/x/y/", "it changes no bodies"),
        _operator("rx", Takes.REGEX, "x"),
        _operator("rxGlobal", Takes.REGEX, "x"),
        _operator("streq", Takes.TEXT, "x"),
        _operator("strmatch", Takes.TEXT, "x"),
        _operator("unconditionalMatch", Takes.NOTHING, ""),
        _operator("validateByteRange", Takes.TEXT, "1-255"),
        _operator("validateDTD", Takes.FILE, "/dev/null"),
        _refused("validateHash", "x", "it signs no links"),
        _operator("validateSchema", Takes.FILE, "/dev/null"),
        _operator("validateUrlEncoding", Takes.NOTHING, ""),
        _operator("validateUtf8Encoding", Takes.NOTHING, ""),
        _operator("verifyCC", Takes.REGEX, "x"),
        _operator("verifyCPF", Takes.REGEX, "x"),
        _operator("verifySSN", Takes.REGEX, "x"),
        _operator("verifySVNR", Takes.REGEX, "x"),
        _operator("within", Takes.TEXT, "x"),
    )
)
