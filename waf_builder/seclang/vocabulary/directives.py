"""Directives, and what each takes as its value."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.seclang.vocabulary.word import Support, Word, by_name


@dataclass(frozen=True)
class Value:
    """What a directive takes: a regular expression, in words, an example.

    quotable: whether libmodsecurity takes the value in double quotes too; `must_quote`: only so.
    bare: the regular expression without quotes, where it is another one.
    """

    pattern: str
    expects: str
    example: str
    quotable: bool = False
    must_quote: bool = False
    bare: str = ""


@dataclass(frozen=True)
class DirectiveWord(Word):
    """A directive; `value` is None where a rule follows (variables, operator, actions).

    tab_crashes: libmodsecurity 3.0.9 looks for a space behind the name and dies when there is only
    a tab (`strchr(yytext, ' ') + 1` in the lexer); 3.0.16 does not.
    """

    value: Value | None = None
    tab_crashes: bool = False


def choice(*words: str) -> Value:
    """Return the value that is one of some words."""
    expects = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return Value("(?i:" + "|".join(words) + ")", expects, words[0])


SWITCH = choice("On", "Off")
OFF = choice("Off")
NUMBER = Value(r"[0-9]+", "a whole number", "100")
MODE = Value(r"[0-7]+", "an octal number such as 0640", "0640")
_PATH = r"[0-9A-Za-z_/.*:-]+"
_PATH_IN_WORDS = "a path of letters, digits and _ / . - * :"
PATH = Value(_PATH, _PATH_IN_WORDS, "/dev/null", quotable=True)
BARE_PATH = Value(_PATH, f"{_PATH_IN_WORDS}, without quotes", "/dev/null")
WORD = Value(r"[^,\s\"]+", "one word without commas", "x", quotable=True)
TEXT = Value(r"[^\"|\n]+", "text without | and double quotes", "x", quotable=True)
BARE_TEXT = Value(r"[^\"|\n]+", "text without | and quotes", "x")
QUOTED_TEXT = Value(r"[^\"]+", "text in double quotes", '"x"', quotable=True, must_quote=True)
PARTS = Value(r"[ABCDEFGHJKIZ]+", "capital letters out of ABCDEFGHIJKZ", "AHZ", quotable=True)
ID_LIST = Value(
    r"[0-9]+(?:-[0-9]+)?(?:[ \t]+[0-9]+(?:-[0-9]+)?)*",
    "rule ids or ranges, separated by spaces and without quotes",
    "1 5-9",
)
ANYTHING = Value(r"[\s\S]*", "anything", "x", quotable=True)


def _works(name: str, value: Value | None, example: str = "") -> DirectiveWord:
    example = example or (value.example if value else "")
    with_value = value not in (None, SWITCH) and value is not None and "(?i:" not in value.pattern
    return DirectiveWord(name, example=example, value=value, tab_crashes=with_value)


def _since(word: DirectiveWord, *since: int) -> DirectiveWord:
    return DirectiveWord(word.name, since=since, example=word.example, value=word.value)


def _rule(name: str, example: str) -> DirectiveWord:
    return DirectiveWord(name, example=example)


def _ignored(name: str, value: Value, why: str, instead: str = "") -> DirectiveWord:
    return DirectiveWord(name, Support.IGNORED, why, instead, (), value.example, value, True)


def _refused(name: str, example: str, why: str, instead: str = "") -> DirectiveWord:
    return DirectiveWord(name, Support.REFUSED, why, instead, (), example, ANYTHING)


def _only_off(name: str, why: str, instead: str = "") -> DirectiveWord:
    return DirectiveWord(name, Support.WORKS, why, instead, (), "Off", OFF)


_APACHE = "only ModSecurity 2 for Apache has it"
_SERVER = "the web server decides that"
_BODY = "use max_body of the spec"
_LIMIT_CONNECTIONS = "use nginx's limit_conn"

DIRECTIVES = by_name(
    (
        # Rules.
        _rule("SecRule", 'ARGS "@rx x" "id:1,phase:1,pass"'),
        _rule("SecAction", '"id:1,phase:1,pass"'),
        _rule("SecDefaultAction", '"phase:1,log,pass"'),
        _rule("SecRuleUpdateActionById", '1 "deny"'),
        _rule("SecRuleUpdateTargetById", '1 "!ARGS:x"'),
        _rule("SecRuleUpdateTargetByMsg", 'x "!ARGS:x"'),
        _rule("SecRuleUpdateTargetByTag", 'x "!ARGS:x"'),
        _works("SecMarker", WORD),
        _works("SecRuleRemoveById", ID_LIST),
        _works("SecRuleRemoveByMsg", TEXT),
        _works("SecRuleRemoveByTag", TEXT),
        _rule("SecRuleScript", '{folder}/check.lua "id:1,phase:1,pass"'),
        # Files.
        DirectiveWord("Include", example="/dev/null", value=PATH),
        _refused("IncludeOptional", "none*.conf", _APACHE, "use Include with a file that exists"),
        DirectiveWord(
            "SecRemoteRules",
            example="key https://127.0.0.1:1/",
            value=Value(r"\S+[ \t]+\S+", "a key and an address", "key https://127.0.0.1:1/"),
        ),
        _works("SecRemoteRulesFailAction", choice("Abort", "Warn")),
        # The engine.
        _works("SecRuleEngine", choice("On", "Off", "DetectionOnly")),
        _works("SecComponentSignature", QUOTED_TEXT, '"x"'),
        _works("SecWebAppId", Value(r"[^\"\n]+", "text", "x", quotable=True)),
        _works("SecPcreMatchLimit", NUMBER),
        _ignored(
            "SecPcreMatchLimitRecursion",
            NUMBER,
            "libmodsecurity 3 has no separate limit of recursion",
            "set SecPcreMatchLimit",
        ),
        _works("SecArgumentsLimit", NUMBER),
        _works(
            "SecArgumentSeparator",
            Value(r"[^,\s\"]", "one character", "&", quotable=True),
        ),
        _works(
            "SecUnicodeMapFile",
            Value(r"[^\"|\n]+ +[0-9]+", "a file and a code page", "{folder}/unicode.mapping 1252"),
        ),
        _works("SecXmlExternalEntity", SWITCH),
        _since(_works("SecParseXmlIntoArgs", choice("On", "Off", "OnlyArgs")), 3, 0, 15),
        DirectiveWord(
            "SecGeoLookupDb",
            value=BARE_TEXT,
            tab_crashes=True,
        ),
        _works("SecHttpBlKey", BARE_TEXT),
        _works("SecCookieFormat", Value("0", "0, the only format that there is", "0")),
        # Bodies.
        _works("SecRequestBodyAccess", SWITCH),
        _works("SecRequestBodyLimit", NUMBER),
        _works("SecRequestBodyNoFilesLimit", NUMBER),
        _works("SecRequestBodyLimitAction", choice("Reject", "ProcessPartial")),
        _works("SecRequestBodyJsonDepthLimit", NUMBER),
        _refused(
            "SecRequestBodyInMemoryLimit", "100", _SERVER, "use nginx's client_body_buffer_size"
        ),
        _works("SecResponseBodyAccess", SWITCH),
        _works("SecResponseBodyLimit", NUMBER),
        _works("SecResponseBodyLimitAction", choice("Reject", "ProcessPartial")),
        _works("SecResponseBodyMimeType", BARE_TEXT, "text/html text/plain"),
        DirectiveWord("SecResponseBodyMimeTypesClear", value=Value("", "no value", "")),
        _works("SecUploadDir", PATH),
        _works("SecUploadFileLimit", NUMBER),
        _works("SecUploadFileMode", MODE),
        _works("SecUploadKeepFiles", SWITCH),
        _works("SecTmpSaveUploadedFiles", SWITCH),
        # Logs.
        _works("SecAuditEngine", choice("On", "Off", "RelevantOnly")),
        _works("SecAuditLog", PATH),
        _works("SecAuditLog2", BARE_PATH),
        _works("SecAuditLogDirMode", Value(MODE.pattern, MODE.expects, "0750", quotable=True)),
        _works("SecAuditLogFileMode", MODE),
        _works("SecAuditLogFormat", choice("JSON", "Native")),
        _works("SecAuditLogParts", PARTS),
        _since(_works("SecAuditLogPrefix", ANYTHING), 3, 0, 15),
        _works(
            "SecAuditLogRelevantStatus",
            Value(
                r"[^,\s\"]+",
                "a regular expression without spaces and commas, in quotes if it has a |",
                "^5",
                quotable=True,
                bare=BARE_TEXT.pattern,
            ),
        ),
        _works("SecAuditLogStorageDir", PATH),
        _works("SecAuditLogType", choice("Serial", "Parallel", "Concurrent", "HTTPS")),
        _works("SecDebugLog", PATH),
        _works("SecDebugLogLevel", NUMBER, "0"),
        # Accepted, without effect.
        _ignored(
            "SecCollectionTimeout",
            NUMBER,
            "libmodsecurity 3 keeps no timeouts of collections",
            "use the action expirevar",
        ),
        _ignored("SecDataDir", PATH, "libmodsecurity 3 keeps its collections elsewhere"),
        _ignored("SecStatusEngine", BARE_TEXT, "libmodsecurity 3 reports nothing home"),
        _ignored("SecTmpDir", PATH, _SERVER, "use nginx's client_body_temp_path"),
        # Accepted only when they switch something off that is not there.
        _only_off("SecConnEngine", "it counts no connections", _LIMIT_CONNECTIONS),
        _only_off("SecContentInjection", "it changes no responses"),
        _only_off(
            "SecDisableBackendCompression", _SERVER, "use nginx's proxy_set_header Accept-Encoding"
        ),
        _only_off("SecHashEngine", "it signs no links"),
        _only_off("SecInterceptOnError", "it goes on when a rule fails"),
        _only_off("SecRuleInheritance", "rules are always inherited by locations"),
        # Refused.
        _refused("SecCacheTransformations", "On", "it has no such cache"),
        _refused("SecChrootDir", "/dev", _SERVER),
        _refused("SecConnReadStateLimit", "5", _SERVER, _LIMIT_CONNECTIONS),
        _refused("SecConnWriteStateLimit", "5", _SERVER, _LIMIT_CONNECTIONS),
        _refused("SecReadStateLimit", "5", _APACHE, _LIMIT_CONNECTIONS),
        _refused("SecWriteStateLimit", "5", _APACHE, _LIMIT_CONNECTIONS),
        _refused("SecCookieV0Separator", ";", "cookies are separated by semicolons only"),
        _refused("SecGsbLookupDb", "/dev/null", "Google's list in that form is gone"),
        _refused("SecGuardianLog", "|/x", "it starts no programs", "read the audit log"),
        _refused("SecHashKey", '"x"', "it signs no links"),
        _refused("SecHashMethodPm", '"x" "y"', "it signs no links"),
        _refused("SecHashMethodRx", '"x" "y"', "it signs no links"),
        _refused("SecHashParam", '"x"', "it signs no links"),
        _refused("SecRequestEncoding", "utf-8", "only ModSecurity 2 has it"),
        _refused("SecRulePerfTime", "5", "it does not time its rules"),
        _refused("SecSensorId", "x", "it has no sensor id", "use SecWebAppId"),
        _refused("SecServerSignature", '"x"', _SERVER, "use nginx's server_tokens"),
        _refused("SecStreamInBodyInspection", "On", "the body is read as a whole", _BODY),
        _refused("SecStreamOutBodyInspection", "On", "the body is read as a whole"),
        _refused(
            "SecUnicodeCodePage", "20127", "only ModSecurity 2 has it", "use SecUnicodeMapFile"
        ),
    )
)
