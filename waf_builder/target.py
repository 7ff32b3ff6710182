"""What to render for: the engine that is there, its rules, or the versions that were named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.choice import NO_ENGINE, Choice
from waf_builder.config.build import NEWEST
from waf_builder.config.model import Target
from waf_builder.errors import EngineError, ProblemsError
from waf_builder.paths import cache_dir
from waf_builder.problem import Problem, Severity, errors_in
from waf_builder.progress import Progress, silent
from waf_builder.version import Version, is_wanted_version

if TYPE_CHECKING:
    from waf_builder.crs.installed import InstalledCrs
    from waf_builder.crs.rules import RuleIndex
    from waf_builder.engine.model import Engine


def named(choice: Choice, crs: str | None = None) -> Choice:
    """Return the choice with what it leaves open taken from the environment, then from the spec.

    crs: the spec's `waf.crs`.
    """
    return replace(
        choice,
        engine=choice.engine or os.environ.get("WAF_BUILDER_ENGINE"),
        crs=choice.crs or os.environ.get("WAF_BUILDER_CRS") or crs,
    )


def find_target(
    choice: Choice, progress: Progress | None = None
) -> tuple[Target, Engine | None, list[Problem]]:
    """Return the versions to render for, the engine to test with, and what to know about them.

    Without an engine the newest versions are taken, or those that the choice names.
    """
    choice = named(choice)
    engine: Engine | None = None
    problems: list[Problem] = []
    missing = None
    if choice.engine != NO_ENGINE:
        engine, problems, missing = _find_engine(choice, progress or silent)
    target = NEWEST
    if engine:
        crs = engine.crs.version if engine.crs else NEWEST.crs
        connector = engine.connector_version or NEWEST.connector
        target = Target(engine.nginx_version, engine.modsecurity_version, connector, crs)
    elif choice.crs:
        target = replace(target, crs=_crs_version(choice.crs))
    if choice.nginx_version:
        forced = _version(choice.nginx_version)
        target = replace(target, nginx=forced)
        if engine and forced != engine.nginx_version:
            engine = None  # its `nginx -t` would judge another generation's directives
    if missing:
        problems = [_not_tested(target, missing)]
    return target, engine, problems


def find_rules(choice: Choice, progress: Progress | None = None) -> tuple[InstalledCrs, RuleIndex]:
    """Return the rule set that a render for this choice would use, and its index.

    EngineError when it is not on this machine.
    """
    from waf_builder.crs.index import rule_index

    installed = _installed_rules(named(choice), progress)
    return installed, rule_index(installed.folder, cache=cache_dir())


def _installed_rules(choice: Choice, progress: Progress | None) -> InstalledCrs:
    from waf_builder.crs.installed import find_crs

    if choice.crs and not is_wanted_version(choice.crs):
        return find_crs(Path(choice.crs).expanduser().absolute())
    if choice.engine == NO_ENGINE:
        raise EngineError(
            "without an engine there are no rules to read\n"
            "    Name the folder of an unpacked Core Rule Set: --crs DIR"
        )
    engine, _, missing = _find_engine(choice, progress or silent)
    if missing:
        raise missing
    if engine is None or engine.crs is None:
        raise EngineError("the engine came without rules\n    Name a Core Rule Set: --crs")
    return engine.crs


def _find_engine(
    choice: Choice, progress: Progress
) -> tuple[Engine | None, list[Problem], EngineError | None]:
    """Return the engine and what to know about it, or why there is none."""
    from waf_builder.engine.compat import check_pair
    from waf_builder.engine.find import OWN_CRS, find

    try:
        engine = find(choice.engine, OWN_CRS, progress)
    except EngineError as error:
        if choice.engine:
            raise
        return None, [], error
    engine = replace(engine, crs=_rules(engine, choice, progress))
    problems = check_pair(engine)
    if errors_in(problems):
        raise ProblemsError(problems)
    return engine, problems, None


def _rules(engine: Engine, choice: Choice, progress: Progress) -> InstalledCrs:
    if engine.crs and not choice.crs:
        return engine.crs
    from waf_builder.crs.releases import choose_crs, crs_here

    if choice.get_crs:
        return choose_crs(engine, choice.crs, cache_dir(), progress)
    return crs_here(engine, choice.crs or str(NEWEST.crs.major), cache_dir())


def _not_tested(target: Target, reason: EngineError) -> Problem:
    return Problem(
        "engine.none",
        f"rendered for {target}, and nginx has not tested it",
        hint=f"{str(reason).splitlines()[0]}\n"
        "`--engine apt` gets one without root; `--engine none` says that this is meant.",
        severity=Severity.WARNING,
    )


def _crs_version(wanted: str) -> Version:
    if not is_wanted_version(wanted):
        from waf_builder.crs.installed import find_crs

        return find_crs(Path(wanted)).version
    if NEWEST.crs.fits(wanted):
        return NEWEST.crs
    numbers = [int(number) for number in wanted.split(".")]
    return Version(*numbers, *[0] * (3 - len(numbers)))


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise EngineError(f"--nginx-version: {error}") from None
