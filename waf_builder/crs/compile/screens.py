"""Screens: rules that ask in one expression what many rules would ask one by one."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.plaintext import cannot_match, kept_by
from waf_builder.crs.compile.words import expression, in_file, in_operator
from waf_builder.seclang import Operator, Rule

_VALUES = frozenset({"ARGS", "ARGS_GET", "ARGS_POST"})
PATH = "REQUEST_FILENAME"
MADE = _VALUES | {
    "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES", "FILES", "FILES_NAMES", "REQUEST_COOKIES",
    "REQUEST_COOKIES_NAMES", PATH, "XML",
}  # fmt: skip
"""Collections of names and values of an application's making."""

_WORDLIKE = frozenset(string.ascii_letters + string.digits)
ALPHABETS = {"": _WORDLIKE | frozenset(" _,.-"), PATH: _WORDLIKE | frozenset(" _,.-/")}
"""What plain names and values consist of, and a plain path."""

_SAME_IF_PLAIN = frozenset({
    "t:none", "t:urldecodeuni", "t:urldecode", "t:htmlentitydecode", "t:jsdecode", "t:cssdecode",
    "t:removenulls", "t:utf8tounicode", "t:replacecomments",
})  # fmt: skip
"""What leaves a plain text as it is: all that they change begins with another character."""

_XSS_NEEDS = frozenset("<=>\"'`")
"""libinjection finds no tag without the first, and no attribute's value without the others."""

_MOST_BYTES = 50_000
"""Of a compiled expression: PCRE2 takes 65,535, and libmodsecurity is silent about more."""

_MOST_TIMES = 1.5
"""How many times as long an expression may be that is asked in place of another one."""

_ALONE = re.compile(
    r"\\[1-9gkQEKGC]|\(\?[P&R'+0-9|(#-]|\(\?<(?![=!])|\(\*|\(\?[a-z]*[xJ]|\)[?]?\{|\\\n"
)
"""What could mean something else inside a longer expression, or repeats a part of it."""


@dataclass(frozen=True)
class Screen:
    """One of them. rules: the identities of those that it stands for."""

    variables: tuple[str, ...]
    operator: str
    decoding: tuple[str, ...]
    rules: frozenset[int]


@dataclass(frozen=True)
class Screens:
    """All of them. always: asked in any case. plain: asked where all names and values are plain.

    signs: asked where one of them is not.
    """

    always: tuple[Screen, ...]
    plain: tuple[Screen, ...]
    signs: tuple[Screen, ...]


def screens(rules: RuleSet, lists: Mapping[str, str]) -> Screens | None:
    """Return rules of which one matches whenever a screened one would; None where none is.

    lists: the files that rules read words from, name to text.
    """
    screened = [entry for _, entry in rules.rules if entry.screened]
    if not screened:
        return None
    always: list[_Part] = []
    plain: list[_Part] = []
    signs: list[_Part] = []
    for entry in screened:
        names = entry.variables
        wide = tuple(name for name in names if _base(name) not in MADE)
        made = tuple(name for name in names if _base(name) in MADE)
        always += _part(entry, wide, lists)
        signs += _part(entry, made, lists)
        for group, alphabet in ALPHABETS.items():
            here = tuple(name for name in made if (_base(name) == PATH) == (group == PATH))
            plain += [
                part for each in _part(entry, here, lists) for part in _if_plain(each, alphabet)
            ]
    plain_groups, signs_groups = (list(_groups(each)) for each in (plain, signs))
    either = [group for group in signs_groups if _stands_in(group, plain_groups)]
    return Screens(
        _screens([*_groups(always), *either]),
        _screens(group for group in plain_groups if not any(_covers(one, group) for one in either)),
        _screens(group for group in signs_groups if group not in either),
    )


def _stands_in(signs: list[_Part], plain: Iterable[list[_Part]]) -> bool:
    """Return whether what is asked of other texts may as well be asked of plain ones.

    That is where it asks hardly more than what is asked of plain ones: then one is enough.
    """
    covered = [part for group in plain if _covers(signs, group) for part in group]
    return bool(covered) and _length(signs) <= _MOST_TIMES * _length(covered)


def _length(parts: Iterable[_Part]) -> int:
    return sum(len(part.expression or part.operator.argument) for part in parts)


def _covers(signs: list[_Part], plain: list[_Part]) -> bool:
    """Return whether rules find what they look for by one screen wherever they do by another."""
    rules = {id(part.rule) for part in signs}
    return signs[0].decoding == plain[0].decoding and all(id(part.rule) in rules for part in plain)


@dataclass(frozen=True)
class _Part:
    """A rule as far as some of its variables go.

    words: what its operator looks for, if that is a list. expression: the same as an expression.
    """

    rule: Rule
    names: tuple[str, ...]
    operator: Operator
    decoding: tuple[str, ...]
    expression: str
    words: tuple[str, ...] = ()

    @property
    def likeness(self) -> tuple[object, ...]:
        """What rules have in common that one screen can stand for.

        Their screen asks for each of them wherever any of them looks, and what is seldom in a
        name can be common in a value, a header or a text.
        """
        if not self.expression:
            return (id(self),)
        looked_at = frozenset(name for name in self.names if name[0] != "!")
        return (self.decoding, looked_at - MADE, looked_at & _VALUES)


def _part(entry: Entry, names: tuple[str, ...], lists: Mapping[str, str]) -> Iterator[_Part]:
    """Return a rule as far as it looks at some variables, if it does."""
    rule = entry.rules[0]
    operator = rule.operator
    if operator is None or all(name[0] == "!" for name in names):
        return
    decoding = tuple(f"t:{each.value}" for each in rule.actions if each.key == "t") or ("t:none",)
    name = operator.name.lower()
    listed = None
    if name == "pm":
        listed = in_operator(operator.argument)
    elif name in {"pmfromfile", "pmf"}:
        listed = in_file(lists[operator.argument])
    words = tuple(listed or ())
    text = expression(words)
    if name == "rx" and not operator.negated and not _ALONE.search(operator.argument):
        text = f"(?:{operator.argument})"
    yield _Part(rule, names, operator, decoding, text, words)


def _if_plain(part: _Part, alphabet: frozenset[str]) -> Iterator[_Part]:
    """Return what is to be asked of a text of these characters, if anything is."""
    kept = kept_by(part.rule, alphabet)
    if part.operator.name.lower() == "detectxss":
        if kept is not None and not kept & _XSS_NEEDS:
            return
    elif part.words and kept is not None:
        words = tuple(word for word in part.words if kept.issuperset(word))
        if not words:
            return
        part = replace(part, words=words, expression=expression(words))
    elif cannot_match(part.rule, alphabet):
        return
    if all(each.lower() in _SAME_IF_PLAIN for each in part.decoding):
        part = replace(part, decoding=("t:none",))
    yield part


def _groups(parts: Iterable[_Part]) -> Iterator[list[_Part]]:
    """Return the rules that a screen can stand for, together."""
    alike: dict[tuple[object, ...], list[_Part]] = {}
    for part in parts:
        alike.setdefault(part.likeness, []).append(part)
    for some in alike.values():
        yield from _sized(some)


def _screens(groups: Iterable[list[_Part]]) -> tuple[Screen, ...]:
    """Return one screen for each group, and for all groups that ask the same."""
    asked: dict[tuple[str, tuple[str, ...]], list[_Part]] = {}
    for group in groups:
        joined = "|".join(part.expression for part in group)
        operator = f"@rx {joined}" if joined else str(group[0].operator)
        asked.setdefault((operator, group[0].decoding), []).extend(group)
    return tuple(
        Screen(
            _together([part.names for part in parts]),
            operator,
            decoding,
            frozenset(id(part.rule) for part in parts),
        )
        for (operator, decoding), parts in asked.items()
    )


def _sized(parts: list[_Part]) -> Iterator[list[_Part]]:
    """Return the rules in groups whose joined expression is not too large."""
    group: list[_Part] = []
    size = 0
    for part in parts:
        needed = _most_bytes(part.expression)
        if group and size + needed > _MOST_BYTES:
            yield group
            group, size = [], 0
        group.append(part)
        size += needed
    yield group


def _most_bytes(pattern: str) -> int:
    """Return how large PCRE2 makes an expression at most: four bytes a sign, 40 a class."""
    return 4 * len(pattern) + 40 * pattern.count("[")


def _together(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return what any of the rules looks at, without what none of them does."""
    wanted = dict.fromkeys(name for names in lists for name in names if name[0] != "!")
    taken = dict.fromkeys(name for names in lists for name in names if name[0] == "!")
    kept = [
        name
        for name in taken
        if all(name in names for names in lists if _looks_into(names, _base(name)))
    ]
    whole = {name for name in wanted if ":" not in name}
    seen = [name for name in wanted if name in whole or _base(name) not in whole]
    return (*seen, *kept)


def _base(name: str) -> str:
    """Return what a variable or an exclusion is about: `ARGS`, `REQUEST_HEADERS:Referer`, `XML`."""
    name = name.lstrip("!")
    collection = name.partition(":")[0]
    return collection if collection in MADE | {"XML"} else name


def _looks_into(names: Iterable[str], base: str) -> bool:
    return any(_collection(name) == _collection(base) and name[0] != "!" for name in names)


def _collection(name: str) -> str:
    return name.lstrip("!").partition(":")[0]
