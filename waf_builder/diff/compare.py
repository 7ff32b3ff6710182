"""Everything that differs between two specs, locks or rule sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from waf_builder.choice import Choice
from waf_builder.config.build import NEWEST
from waf_builder.crs.installed import InstalledCrs
from waf_builder.deploy.app import NAMES
from waf_builder.diff.change import Change
from waf_builder.diff.locks import lock_changes, rules_of
from waf_builder.diff.policy import PolicyDiff, Rules, compare_specs
from waf_builder.diff.rules import RulesDiff, RuleSet, compare_rules, rule_set
from waf_builder.diff.sides import Side
from waf_builder.diff.verdicts import Verdicts, compare_verdicts
from waf_builder.errors import EngineError, WafBuilderError
from waf_builder.inspect.request import HttpRequest
from waf_builder.judges import LIBRARY, NGINX, inspector_of
from waf_builder.paths import cache_dir
from waf_builder.pipeline import known_rules
from waf_builder.problem import Place, Problem, Severity
from waf_builder.progress import Progress
from waf_builder.render.overrides import find_overrides
from waf_builder.seclang import to_bytes
from waf_builder.target import find_rules, named
from waf_builder.version import Version

_SMALLEST = "backend: {host: 127.0.0.1, port: 80}\n"
"""The spec with which rule sets alone are asked: every default."""


@dataclass(frozen=True)
class Diff:
    """What differs between two sides; what does not apply to their kind is None or empty.

    versions: of the Core Rule Sets, None where it is not known. rules: the rules' differences,
    None where they could not be compared, which `problems` then says.
    """

    old: Side
    new: Side
    versions: tuple[Version | None, Version | None]
    locked: tuple[Change, ...]
    policy: PolicyDiff | None
    rules: RulesDiff | None
    verdicts: Verdicts | None
    problems: tuple[Problem, ...]

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        parts = (self.policy, self.rules, self.verdicts)
        return bool(self.locked) or any(part.differs for part in parts if part)


def compare(old: Side, new: Side, choice: Choice, progress: Progress) -> Diff:
    """Return what differs. choice: the engine that has the rules, and for specs the rules."""
    choice = _found(choice)
    if old.kind == "spec":
        return _specs(old, new, choice, progress)
    if old.kind == "lock":
        return _locks(old, new, choice, progress)
    return _of_rules(old, new, (old.crs, new.crs))


def _found(choice: Choice) -> Choice:
    """Return the choice with the engine that is looked for, where it only says who is asked."""
    return replace(choice, engine=None) if choice.engine in {LIBRARY, NGINX} else choice


def _of_rules(old: Side, new: Side, crs: tuple[InstalledCrs | None, InstalledCrs | None]) -> Diff:
    before, after = crs
    versions = (before.version if before else None, after.version if after else None)
    rules = compare_rules(rule_set(before), rule_set(after)) if before and after else None
    return Diff(old, new, versions, (), None, rules, None, ())


def _locks(old: Side, new: Side, choice: Choice, progress: Progress) -> Diff:
    locks = [side.lock for side in (old, new) if side.lock]
    changes = tuple(lock_changes(*locks))
    if locks[0].crs == locks[1].crs:
        version = locks[0].crs.version
        return Diff(old, new, (version, version), changes, None, None, None, ())
    try:
        crs = tuple(rules_of(lock, choice.engine, cache_dir(), progress) for lock in locks)
    except EngineError as error:
        versions = (locks[0].crs.version, locks[1].crs.version)
        problem = _not_compared(new, error, Severity.ERROR)
        return Diff(old, new, versions, changes, None, None, None, (problem,))
    return replace(_of_rules(old, new, (crs[0], crs[1])), locked=changes)


def _specs(old: Side, new: Side, choice: Choice, progress: Progress) -> Diff:
    loaded = [side.spec for side in (old, new) if side.spec]
    wanted = [named(choice, one.spec.waf.crs) for one in loaded]
    problems: tuple[Problem, ...] = ()
    crs: list[InstalledCrs] = []
    try:
        crs = [find_rules(one, progress)[0] for one in wanted]
    except EngineError as error:
        # Without rules here, two specs that take the same ones still compare.
        same = wanted[0].crs == wanted[1].crs
        problems = (_not_compared(new, error, Severity.NOTE if same else Severity.ERROR),)
    own = [find_overrides(one.folder) for one in loaded]
    in_force: tuple[Rules, Rules] | None = None
    rules = compare_rules(*(RuleSet(_bytes(one.rules), {}) for one in own))
    if crs:
        indexes = [
            known_rules(replace(NEWEST, crs=one.version), overrides, one)
            for one, overrides in zip(crs, own, strict=True)
        ]
        before, after = (
            Rules(index, one.version) for index, one in zip(indexes, crs, strict=True) if index
        )
        in_force = (before, after)
        sets = [rule_set(one) for one in crs]
        rules = compare_rules(*map(_with_own, sets, (_bytes(one.rules) for one in own)))
    policy = compare_specs(loaded[0].spec, loaded[1].spec, in_force)
    versions = (crs[0].version, crs[1].version) if crs else (None, None)
    return Diff(old, new, versions, (), policy, rules, None, problems)


def _with_own(rules: RuleSet, own: dict[str, bytes]) -> RuleSet:
    return RuleSet({**rules.rules, **own}, rules.words)


def _bytes(texts: dict[str, str]) -> dict[str, bytes]:
    return {name: to_bytes(text) for name, text in texts.items() if name.endswith(".conf")}


def _not_compared(side: Side, error: WafBuilderError, severity: Severity) -> Problem:
    first, *rest = str(error).splitlines()
    return Problem(
        "diff.rules-not-compared",
        f"the rules are not compared: {first}",
        Place(str(side.file)),
        "\n".join(line.strip() for line in rest),
        severity,
    )


def ask_both(
    diff: Diff, requests: Iterable[HttpRequest], choice: Choice, progress: Progress
) -> Diff:
    """Return the diff with what both say to requests; a lock or folder is asked with a spec.

    That is the one beside a lock, else the smallest there is: all defaults.
    """
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(_asked(side, choice, progress)) for side in (diff.old, diff.new)
        )
        old, new = (stack.enter_context(inspector_of(*one, progress)) for one in (first, second))
        return replace(diff, verdicts=compare_verdicts(old, new, requests))


@contextmanager
def _asked(side: Side, choice: Choice, progress: Progress) -> Iterator[tuple[Path, Choice]]:
    """Yield the spec to ask, and with which rules."""
    if side.kind == "spec":
        yield side.file, choice
        return
    crs = side.crs
    if side.lock:
        crs = rules_of(side.lock, _found(choice).engine, cache_dir(), progress)
        beside = [side.file.parent / name for name in NAMES]
        found = next((file for file in beside if file.is_file()), None)
        if found:
            yield found, replace(choice, crs=str(crs.folder))
            return
    with TemporaryDirectory(prefix="waf-builder-diff-") as folder:
        file = Path(folder) / NAMES[0]
        file.write_text(_SMALLEST, encoding="utf-8")
        yield file, replace(choice, crs=str(crs.folder) if crs else None)
