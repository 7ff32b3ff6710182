"""The compiler: from the installed rules and a policy to the rules that nginx loads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from waf_builder.crs.compile.alone import asked_alone
from waf_builder.crs.compile.files import needed_lists
from waf_builder.crs.compile.manifest import Manifest, Step, steps
from waf_builder.crs.compile.model import RuleSet
from waf_builder.crs.compile.passes import LAST, PASSES
from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.crs.compile.refusal import Mistake, Refusal
from waf_builder.crs.compile.screenfile import screens_text
from waf_builder.crs.compile.screens import screens
from waf_builder.crs.compile.surroundings import surround
from waf_builder.crs.compile.writing import write
from waf_builder.crs.installed import InstalledCrs
from waf_builder.problem import Problem, Severity
from waf_builder.seclang import read_text

_MOST_ROUNDS = 10


@dataclass(frozen=True)
class Compiled:
    """files: name to text, rules and the lists they read, for one folder.

    screens: the text of the file that main.conf includes before them; empty without screens.
    """

    files: dict[str, str]
    manifest: Manifest
    screens: str = ""


def compile_rules(
    crs: InstalledCrs,
    tree: Mapping[str, str],
    rule_set: str,
    names: Collection[str] = tuple(PASSES),
) -> Compiled | Problem | None:
    """Return the rules that the policy of a rendered tree can use, or why they stay as they are.

    None for a tree with a mistake in a file of its own, which `check` reports.
    rule_set: what `Include` names the rule set in the tree's main.conf.
    names: the steps to take, of PASSES.
    """
    try:
        texts = {path.name: read_text(path) for path in sorted(crs.rules.glob("*.conf"))}
        parts = tuple(surround(tree, rule_set, texts))
        left = _left(parts, tuple(names))
        lists = needed_lists(left.needed, crs.rules)
        written = _written(left, tuple(lists.items()))
    except Mistake:
        return None
    except Refusal as refusal:
        return _refused(crs, refusal)
    manifest = Manifest(str(crs.version), left.rules, _count(left.needed), written.done)
    return Compiled({**written.files, **lists}, manifest, written.screens)


@dataclass(frozen=True, eq=False)
class _Left:
    """What the steps leave. rules: how many there were."""

    parts: tuple[Part, ...]
    rules: int
    needed: RuleSet
    done: tuple[Step, ...]


@dataclass(frozen=True)
class _Written:
    """The same as text. files: name to text."""

    done: tuple[Step, ...]
    files: dict[str, str]
    screens: str


@lru_cache(maxsize=4)  # a proof by requests renders with the same rules once more
def _left(parts: tuple[Part, ...], names: tuple[str, ...]) -> _Left:
    rules = read_rules(parts)
    needed, done = run_passes(rules, names)
    return _Left(parts, _count(rules), needed, tuple(done))


@lru_cache(maxsize=4)
def _written(left: _Left, listed: tuple[tuple[str, str], ...]) -> _Written:
    lists = dict(listed)
    alone = list(asked_alone(left.needed, lists))
    unscreened = {change.subject.id for change in alone}
    needed = left.needed.after(alone)
    made = screens(needed, lists)
    return _Written(
        tuple(
            each for each in left.done if each.step != "screens" or each.number not in unscreened
        ),
        write([part.document for part in left.parts if part.ours], needed),
        screens_text(needed, made) if made else "",
    )


def run_passes(rules: RuleSet, names: Collection[str]) -> tuple[RuleSet, list[Step]]:
    """Return what the steps leave of a rule set, and what they did in the order of its lines.

    They are repeated until none finds anything to do: a rule that is gone may have been what kept
    a value from being constant.
    """
    order = {id(entry.head): at for at, entry in enumerate(rules.entries)}
    found: list[tuple[int, Step]] = []
    for _ in range(_MOST_ROUNDS):
        before = rules
        rules, done = _round(rules, [name for name in names if name not in LAST], order)
        found += done
        if rules is before:
            break
    rules, done = _round(rules, [name for name in names if name in LAST], order)
    return rules, [step for _, step in sorted(found + done, key=lambda pair: pair[0])]


def _round(
    rules: RuleSet, names: Collection[str], order: Mapping[int, int]
) -> tuple[RuleSet, list[tuple[int, Step]]]:
    """Take each step once; return what is left, and what was done with the place of each."""
    found: list[tuple[int, Step]] = []
    for name in (each for each in PASSES if each in names):
        changes = list(PASSES[name](rules))
        if changes:
            rules = rules.after(changes)
            places = [order[id(change.subject.head)] for change in changes]
            found += zip(places, steps(name, changes), strict=True)
    return rules, found


def _count(rules: RuleSet) -> int:
    return sum(entry.ours for _, entry in rules.rules)


def _refused(crs: InstalledCrs, refusal: Refusal) -> Problem:
    return Problem(
        "crs.not-compiled",
        f"the rules of CRS {crs.version} are loaded as they are: the compiler does not know"
        f" {refusal.what}",
        refusal.place,
        "They work all the same, and cost more CPU and memory. `waf.compile: false` says that this"
        " is meant.",
        Severity.WARNING,
    )
