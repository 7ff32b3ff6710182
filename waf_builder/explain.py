"""What a rule does, whether it is in force under a spec, and how to leave it out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from waf_builder.choice import Choice
from waf_builder.config.build import NEWEST
from waf_builder.config.inforce import verdict
from waf_builder.config.policies import route_waf
from waf_builder.config.servers import label_of
from waf_builder.crs.describe import Fact, as_json, facts, sample_exclusion
from waf_builder.crs.rules import IndexedRule
from waf_builder.errors import WafBuilderError
from waf_builder.paths import cache_dir
from waf_builder.pipeline import build_tree, known_rules
from waf_builder.plugins.find import Places, find_plugins
from waf_builder.progress import Progress
from waf_builder.render.overrides import find_overrides
from waf_builder.render.ownrules import own_rules
from waf_builder.render.publish import MANIFEST
from waf_builder.render.render import Tree
from waf_builder.seclang.vital import is_vital
from waf_builder.spec.load import load
from waf_builder.spec.model import Exclusion, Spec
from waf_builder.target import find_rules, named
from waf_builder.version import Version


@dataclass(frozen=True)
class Explanation:
    """All that can be said of a rule.

    advice: what to do about it. exclusion: YAML, empty for a rule that cannot be left out.
    """

    rule: IndexedRule
    title: str
    facts: tuple[Fact, ...]
    advice: str
    exclusion: str

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        said = {
            key: [fact.text for fact in self.facts if fact.name == name]
            for key, name in (("in_force", "in force"), ("left_out", "left out"))
        }
        return {**as_json(self.rule), **said, "exclusion": self.exclusion}


def explain_rule(
    number: int, choice: Choice, spec: Path | None = None, progress: Progress | None = None
) -> Explanation:
    """Return what a rule of the chosen rule set does; with a spec also whether it is in force.

    WafBuilderError names the nearest rules when there is none with this number.
    """
    loaded = load(spec) if spec else None
    source = loaded.spec if loaded else None
    installed, index = find_rules(named(choice, source.waf.crs if source else None), progress)
    target = replace(NEWEST, crs=installed.version)
    overrides = None
    tree: Tree = {}
    if loaded:
        places = Places(loaded.folder, installed.folder, cache_dir() / "plugins")
        found = find_plugins(loaded.spec.waf.plugins, target, places, loaded.at)
        overrides = find_overrides(loaded.folder).with_plugins(found)
        known = known_rules(target, overrides, installed)
        # What is wrong with the spec is for `validate` and `render` to say.
        with suppress(WafBuilderError):
            tree = build_tree(loaded.spec, target, overrides, known, installed, at=loaded.at)[1]
    rule = index.get(number) or own_rules(target, overrides).get(number)
    if rule is None:
        near = ", ".join(map(str, index.nearest(number)))
        raise WafBuilderError(
            f"there is no rule {number} in Core Rule Set {installed.version}\n"
            f"    Nearest: {near}. `waf-builder rules` lists all."
        )
    told = facts(rule)
    if source:
        told += [Fact("in force", line) for line in _in_force(rule, source, installed.version)]
        told += [Fact("left out", line) for line in _left_out(rule, source)]
        told += [Fact("loaded", line) for line in _not_loaded(number, tree)]
    advice, exclusion = _way_out(rule)
    return Explanation(
        rule, rule.message or "a part of how the rule set works", tuple(told), advice, exclusion
    )


_VITAL = """\
It cannot be left out: without it the Core Rule Set does not work. Exclude the rule that matched,
raise waf.inbound_anomaly_threshold, or set waf.mode."""
_STEERS = "It finds nothing by itself: it steers other rules, and cannot be left out."
_CAN_GO = "An exclusion for backend.yaml, or for `waf` of a route:"


def _way_out(rule: IndexedRule) -> tuple[str, str]:
    if is_vital(range(rule.id, rule.id + 1)):
        return _VITAL, ""
    return (_CAN_GO, sample_exclusion(rule)) if rule.detects else (_STEERS, "")


def _in_force(rule: IndexedRule, spec: Spec, crs: Version) -> Iterator[str]:
    """Yield a line for the whole spec, and one for each route where it is different."""
    common = verdict(rule, spec.waf, crs)
    yield str(common)
    for route in spec.routes:
        own = verdict(rule, route_waf(route, spec), crs)
        if own != common:
            yield f"on {label_of(route)}: {own}"


def _not_loaded(number: int, tree: Tree) -> Iterator[str]:
    """Yield why the compiler has left the rule out, if it has."""
    if MANIFEST not in tree:
        return
    for change in json.loads(tree[MANIFEST])["changes"]:
        if change["id"] == number and not change["loaded"]:
            yield f"no: {change['why']} (waf.compile: {change['step']})"


def _left_out(rule: IndexedRule, spec: Spec) -> Iterator[str]:
    """Yield a line for each exclusion that names the rule, by its number or a tag."""
    for exclusion in spec.waf.exclusions:
        if _names(exclusion, rule):
            yield _in_words(exclusion)
    for route in spec.routes:
        for exclusion in route.waf.exclusions:
            if _names(exclusion, rule):
                yield f"on {label_of(route)}: {_in_words(exclusion)}"


def _names(exclusion: Exclusion, rule: IndexedRule) -> bool:
    tags = {tag.lower() for tag in rule.tags}
    return rule.id in exclusion.numbers or (exclusion.tag or "").lower() in tags


def _in_words(exclusion: Exclusion) -> str:
    parts = [str(exclusion.target) if exclusion.target else "all of it"]
    parts += [f"at {exclusion.path}"] if exclusion.path else []
    parts += [f"for {', '.join(exclusion.hosts)}"] if exclusion.hosts else []
    parts += [f"with {', '.join(exclusion.methods)}"] if exclusion.methods else []
    return f"{' '.join(parts)} ({exclusion.reason})"
