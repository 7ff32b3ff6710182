"""Actions, transformations and the options of `ctl`."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.seclang.vocabulary.word import Support, Word, by_name


@dataclass(frozen=True)
class ActionWord(Word):
    """An action.

    value: the regular expression that its value must match as a whole; None: it takes no value.
    expects: the same in words.
    quotable: whether single quotes may stand around the value.
    must_quote: whether they have to.
    optional: whether it works without a value too.
    disruptive: whether it decides what becomes of the request.
    macros: whether its value may hold %{...}; then a lone % is an error inside single quotes.
    """

    value: str | None = None
    expects: str = "no value"
    quotable: bool = True
    must_quote: bool = False
    optional: bool = False
    disruptive: bool = False
    macros: bool = False


_SEVERITY = "EMERGENCY|ALERT|CRITICAL|ERROR|WARNING|NOTICE|INFO|DEBUG"


def _flag(name: str, *, disruptive: bool = False) -> ActionWord:
    return ActionWord(name, disruptive=disruptive)


def _text(name: str, expects: str, example: str, *, disruptive: bool = False) -> ActionWord:
    return ActionWord(
        name,
        example=example,
        value=r"[\s\S]+",
        expects=expects,
        disruptive=disruptive,
        macros=True,
    )


def _value(
    name: str, value: str, expects: str, example: str, *, quotable: bool = True
) -> ActionWord:
    return ActionWord(name, example=example, value=value, expects=expects, quotable=quotable)


def _refused(name: str, example: str, why: str, instead: str = "") -> ActionWord:
    return ActionWord(
        name, Support.REFUSED, why, instead, (), example, value=r"[\s\S]*", optional=True
    )


_NO_MASKING = "it cannot mask what it logs"
_KEEP_OUT = "leave the parts B, C, E and I out of SecAuditLogParts"

ACTIONS = by_name(
    (
        _flag("auditlog"),
        _flag("block", disruptive=True),
        _flag("capture"),
        _flag("chain"),
        _flag("deny", disruptive=True),
        _flag("drop", disruptive=True),
        _flag("log"),
        _flag("multiMatch"),
        _flag("noauditlog"),
        _flag("nolog"),
        _flag("pass", disruptive=True),
        ActionWord(
            "allow",
            value="(?i:phase|request)",
            expects="nothing, phase or request",
            quotable=False,
            optional=True,
            disruptive=True,
        ),
        _text("redirect", "an address", "'https://example.com/'", disruptive=True),
        _value("id", "0*[1-9][0-9]{0,17}", "a whole number above 0", "1"),
        _value(
            "phase",
            "[0-5]|(?i:request|response|logging)",
            "1 to 5, request, response or logging",
            "1",
        ),
        _value("severity", f"(?i:{_SEVERITY})|[0-9]+", _SEVERITY.replace("|", ", "), "CRITICAL"),
        _value("status", "[0-9]+", "a number without quotes", "403", quotable=False),
        _value("skip", "[0-9]+", "a number without quotes", "1", quotable=False),
        _value("skipAfter", r"[^,\s\"]+", "the name of a SecMarker", "X"),
        _value("accuracy", "[0-9]+", "a number", "1"),
        _value("maturity", "[0-9]+", "a number", "1"),
        _value("rev", "[^,']+", "text without commas", "'1'"),
        ActionWord(
            "ver", example="'x'", value=r"[\s\S]+", expects="text in single quotes", must_quote=True
        ),
        _text("msg", "text", "'x'"),
        _text("logdata", "text", "'x'"),
        _text("tag", "text", "'x'"),
        _text("setenv", "NAME=value", "'A=1'"),
        _text("setrsc", "text", "x"),
        _text("setsid", "text", "x"),
        _text("setuid", "text", "x"),
        _text("expirevar", "collection.name=seconds", "'ip.x=3'"),
        _value(
            "setvar",
            r"!?(?i:tx|ip|global|resource|session|user)[.:][\s\S]+",
            "tx.name=value, or another of tx, ip, global, resource, session, user",
            "'tx.a=1'",
        ),
        _value(
            "initcol",
            r"(?i:ip|global|resource)=[\s\S]+",
            "ip=..., global=... or resource=...",
            "ip=%{REMOTE_ADDR}",
        ),
        _value("xmlns", r"[^=]+='?http://[\s\S]+", "prefix=http://...", "a=http://x"),
        ActionWord("ctl", value=r"[\s\S]+", expects="option=value", example="ruleEngine=On"),
        ActionWord(
            "t", value=r"[\s\S]+", expects="a transformation", example="none", quotable=False
        ),
        _value("exec", r"[\s\S]+\.lua", "a Lua script", "{folder}/check.lua"),
        _refused("append", "'x'", "it changes no responses"),
        _refused("prepend", "'x'", "it changes no responses"),
        _refused("pause", "1", "it does not hold requests up", "use nginx's limit_req"),
        _refused("proxy", "http://x/", "nginx is the proxy", "use a route of the spec"),
        _refused("deprecatevar", "tx.a=1/1", "it does not count down", "use expirevar"),
        _refused("sanitiseArg", "x", _NO_MASKING, _KEEP_OUT),
        _refused("sanitiseMatched", "", _NO_MASKING, _KEEP_OUT),
        _refused("sanitiseMatchedBytes", "1/4", _NO_MASKING, _KEEP_OUT),
        _refused("sanitiseRequestHeader", "x", _NO_MASKING, _KEEP_OUT),
        _refused("sanitiseResponseHeader", "x", _NO_MASKING, _KEEP_OUT),
    )
)

_TRANSFORMATIONS = """
    base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace cssDecode
    escapeSeqDecode hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 none
    normalisePath normalisePathWin normalizePath normalizePathWin parityEven7bit parityOdd7bit
    parityZero7bit removeComments removeCommentsChar removeNulls removeWhitespace
    replaceComments replaceNulls sha1 sqlHexDecode trim trimLeft trimRight uppercase urlDecode
    urlDecodeUni urlEncode utf8toUnicode
"""
TRANSFORMATIONS = by_name(Word(name) for name in _TRANSFORMATIONS.split())


@dataclass(frozen=True)
class CtlWord(Word):
    """An option of `ctl`; `value` and `expects` as in ActionWord."""

    value: str = ""
    expects: str = ""


# What may stand in the value of a removal: no quotes, spaces, ^, \ or |. 3.0.16 takes @ too.
_REMOVAL = r"[0-9A-Za-z_/.\-*:;\]\[$@]+"
_NO_SUCH = "it has no such option"

CTL_OPTIONS = by_name(
    (
        CtlWord(
            "auditEngine",
            value="(?i:On|Off|RelevantOnly)",
            expects="On, Off or RelevantOnly",
            example="On",
        ),
        CtlWord(
            "auditLogParts",
            value="[+|-][ABCDEFGHJKIZ]+",
            expects="+ or - and letters",
            example="+E",
        ),
        CtlWord("requestBodyAccess", value="(?i:On|Off)", expects="On or Off", example="On"),
        CtlWord(
            "requestBodyProcessor",
            value="(?i:JSON|XML|URLENCODED)",
            expects="JSON, XML or URLENCODED",
            example="JSON",
        ),
        CtlWord(
            "ruleEngine",
            value="(?i:On|Off|DetectionOnly)",
            expects="On, Off or DetectionOnly",
            example="On",
        ),
        CtlWord(
            "ruleRemoveById",
            value=r"[0-9]+(?:-[0-9]+)?",
            expects="a rule id or a range",
            example="5",
        ),
        CtlWord(
            "ruleRemoveByTag",
            value=_REMOVAL,
            expects="a tag, as it stands, without quotes",
            example="x",
        ),
        CtlWord(
            "ruleRemoveTargetById",
            value=rf"[0-9]+(?:-[0-9]+)?;{_REMOVAL}",
            expects="ID;VARIABLE without quotes and spaces",
            example="5;ARGS:x",
        ),
        CtlWord(
            "ruleRemoveTargetByTag",
            value=rf"[^;]+;{_REMOVAL}",
            expects="TAG;VARIABLE without quotes and spaces",
            example="x;ARGS:x",
        ),
        CtlWord(
            "parseXmlIntoArgs",
            since=(3, 0, 15),
            value="(?i:On|Off|OnlyArgs)",
            expects="On, Off or OnlyArgs",
            example="On",
        ),
        CtlWord(
            "forceRequestBodyVariable",
            Support.IGNORED,
            "REQUEST_BODY is filled for every kind of body",
            value="(?i:On|Off)",
            expects="On or Off",
            example="On",
        ),
        *(
            CtlWord(name, Support.REFUSED, _NO_SUCH, instead, example=example)
            for name, example, instead in (
                ("debugLogLevel", "3", ""),
                ("hashEnforcement", "On", ""),
                ("hashEngine", "On", ""),
                ("requestBodyLimit", "1", "use a route's max_body in the spec"),
                ("responseBodyAccess", "On", "use waf.inspect_responses of a route in the spec"),
                ("responseBodyLimit", "1", ""),
                ("ruleRemoveByMsg", "x", "use ruleRemoveById or ruleRemoveByTag"),
                ("ruleRemoveTargetByMsg", "x;ARGS", "use ruleRemoveTargetById"),
                ("ruleUpdateTargetById", "1;ARGS", "use ruleRemoveTargetById"),
            )
        ),
    )
)
