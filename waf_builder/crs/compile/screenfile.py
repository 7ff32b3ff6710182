"""The file of the screens, and what leads over the rules that they stand for."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, groupby

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.crs.compile.room import lines_before
from waf_builder.crs.compile.screens import ALPHABETS, PATH, Screen, Screens

IDS = range(90600, 90800)
_NUMBERS = 3
"""Of these, for what leads over one stretch of rules."""

TAG = "OWASP_CRS"
"""What an exclusion by this tag takes from the rules, it takes from their screens, too."""

CORRECTIONS_BEGIN = 90399
"""The rule that leads over the corrections behind it."""

_OF_CORRECTIONS = ("capture", "chain", "ctl", "setvar", "skipafter")

CLEAN, NO_CORRECTIONS = "waf_clean", "waf_no_corrections"
_SEEN, _DONE = "WAF-SCREENS-SEEN", "WAF-SCREENS-DONE"
_SIGNS, _PLAIN = "WAF-SCREENS-SIGNS", "WAF-SCREENS-PLAIN"
_ACTIONS = "phase:2,pass,t:none,nolog"
_LIMIT = "&TX:MSC_PCRE_LIMITS_EXCEEDED"


@dataclass(frozen=True)
class Stretch:
    """Screened rules of one file with no other rule of their phase in between."""

    number: int
    rules: tuple[Entry, ...]

    @property
    def before(self) -> tuple[str, ...]:
        """What leads over them, a line each.

        A rule that does not match and an action cost half as much as a rule that matches. Where
        nothing is known of the request, the rules are asked; where one of them looks at all that
        matched before it, the first of these is taken out of that.
        """
        first, second, third = (IDS.stop - _NUMBERS * self.number - at for at in (1, 2, 3))
        lines = (
            f'SecRule &TX:{CLEAN} "@eq 0" "id:{first},{_ACTIONS},skip:1"',
            f'SecAction "id:{second},{_ACTIONS},skipAfter:{self._end}"',
            f'SecRule &TX:{CLEAN} "@gt 1" "id:{third},{_ACTIONS}"',
        )
        return lines[: lines_before(self.rules)]

    @property
    def before_in_one(self) -> str:
        """The same on one line."""
        number = IDS.stop - _NUMBERS * self.number - 1
        return f'SecRule TX:{CLEAN} "@eq 1" "id:{number},{_ACTIONS},skipAfter:{self._end}"'

    @property
    def after(self) -> str:
        """The marker behind them, on one line."""
        return f'SecMarker "{self._end}"'

    @property
    def _end(self) -> str:
        return f"END-WAF-SCREENED-{self.number}"


def stretches(rules: RuleSet) -> list[Stretch]:
    """Return the screened rules, in their order."""
    found: list[Stretch] = []
    of_phase = (entry for _, entry in rules.rules if entry.phase == 2)  # noqa: PLR2004
    for (screened, _), entries in groupby(of_phase, lambda each: (each.screened, each.place.file)):
        if screened:
            found.append(Stretch(len(found), tuple(entries)))
    return found


def screens_text(rules: RuleSet, made: Screens) -> str:
    """Return the file of the screens, which stands before corrections and rule set.

    Refusal when there are more than numbers for them.
    """
    numbers = count(IDS.start)

    def written(some: Iterable[Screen]) -> Iterator[str]:
        for screen in some:
            how = ",".join(screen.decoding)
            yield f'SecRule {"|".join(screen.variables)} "{screen.operator}" \\'
            does = f"phase:2,pass,{how},nolog,tag:'{TAG}',skipAfter:{_SEEN}"
            yield f'    "id:{next(numbers)},{does}"'

    lines = [
        "# Compiled by waf-builder: each asks what many rules of the rule set would ask. Where",
        "# none of them finds anything, none of those rules would, and they are passed over.",
        f'SecRule {_LIMIT} "@gt 0" "id:{next(numbers)},{_ACTIONS},skipAfter:{_DONE}"',
        *written(made.always),
        "# Most of what an application is sent is made of letters, digits and a few signs, which",
        "# only a few rules look for.",
    ]
    for group, alphabet in ALPHABETS.items():
        names = {name for each in made.signs for name in each.variables if name[0] != "!"}
        here = sorted(name for name in names if (name == PATH) == (group == PATH))
        if here:
            lines += [
                f'SecRule {"|".join(here)} "@rx [^{_class(alphabet)}]" \\',
                f'    "id:{next(numbers)},{_ACTIONS},skipAfter:{_SIGNS}"',
            ]
    lines += [
        *written(made.plain),
        f'SecAction "id:{next(numbers)},{_ACTIONS},skipAfter:{_PLAIN}"',
        f'SecMarker "{_SIGNS}"',
        *written(made.signs),
        f'SecMarker "{_PLAIN}"',
    ]
    sets = f"setvar:tx.{CLEAN}=1"
    if corrections_idle(rules):
        sets += f",setvar:tx.{NO_CORRECTIONS}=1"
    lines += [
        f'SecRule {_LIMIT} "@eq 0" \\',
        f'    "id:{next(numbers)},{_ACTIONS},{sets},skipAfter:{_DONE}"',
        f'SecMarker "{_SEEN}"',
        "# A rule that reaches SecPcreMatchLimit is to say so itself.",
        f'SecAction "id:{next(numbers)},{_ACTIONS},setvar:!tx.msc_pcre_limits_exceeded"',
        f'SecMarker "{_DONE}"',
    ]
    ways = stretches(rules)
    if next(numbers) > IDS.stop - _NUMBERS * len(ways):
        raise Refusal("so many rules to be screened", ways[-1].rules[0].place)
    return "\n".join(lines) + "\n"


def corrections_idle(rules: RuleSet) -> bool:
    """Return whether every rule that a correction may leave out, from one on, is screened."""
    screened = {entry.id for _, entry in rules.rules if entry.screened}
    loaded = {entry.id for _, entry in rules.rules}
    for entry in _corrections(rules, led_over=True):
        if not entry.silent(*_OF_CORRECTIONS):
            return False  # the user's own
        if not all(each.name.startswith("waf_") for each in entry.settings):
            return False
        for value in entry.ctls:
            number = value.partition("=")[2].partition(";")[0]
            if not number.isdigit() or int(number) in loaded - screened:
                return False
    return True


def left_out_first(rules: RuleSet) -> frozenset[int]:
    """Return the rules that a correction may leave out that is asked in every request."""
    numbers = (
        value.partition("=")[2]
        for entry in _corrections(rules, led_over=False)
        for value in entry.ctls
        if value.lower().startswith("ruleremovebyid=")
    )
    return frozenset(int(number) for number in numbers if number.isdigit())


def _corrections(rules: RuleSet, *, led_over: bool) -> Iterator[Entry]:
    """Return the corrections that are led over where the screens have found nothing, or others."""
    passed = False
    for _, entry in rules.rules:
        passed |= entry.id == CORRECTIONS_BEGIN
        if passed is led_over and entry.place.file.endswith("/corrections.conf"):
            yield entry


def _class(alphabet: frozenset[str]) -> str:
    signs = "".join(sorted(alphabet - frozenset(string.ascii_letters + string.digits)))
    return "A-Za-z0-9" + signs.replace("-", "") + ("-" if "-" in signs else "")
