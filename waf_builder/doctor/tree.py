"""A published tree: whether it is what the spec asks for, and as it was published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from waf_builder import __version__
from waf_builder.config.build import COMPILED_RULES, build
from waf_builder.config.model import Target
from waf_builder.crs.installed import crs_in
from waf_builder.crs.rules import RuleIndex
from waf_builder.doctor.result import Result, failed, ok, printable, skipped, warning
from waf_builder.errors import WafBuilderError
from waf_builder.paths import cache_dir
from waf_builder.pipeline import excludes, known_rules
from waf_builder.plugins.find import Places, find_plugins
from waf_builder.render.overrides import Overrides, find_overrides
from waf_builder.render.publish import MANIFEST, RULES_FOLDER, SCREENS, STAMP
from waf_builder.render.render import render
from waf_builder.spec.load import load
from waf_builder.spec.model import Spec
from waf_builder.version import Version

CHECK = "tree"
_RENDER = "Publish it again: waf-builder render SPEC -o DIR, or a new deploy."
_FIELDS = "boot/fields"
_SHOWN = 3


def check_tree(tree: Path | None, spec: Path, environ: Mapping[str, str]) -> Result:
    """Return whether a tree is what the spec renders to, for the versions in its stamp."""
    if tree is None:
        return skipped(CHECK, "none is named with --tree")
    try:
        stamp = json.loads((tree / STAMP).read_text(encoding="utf-8"))
        target = _target(stamp)
        published: dict[str, str] = dict(stamp["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return failed(CHECK, f"{tree} has no {STAMP} of this waf-builder", _RENDER)
    changed = sorted(name for name, digest in published.items() if _digest(tree / name) != digest)
    if changed:
        return failed(CHECK, f"changed since it was published: {_listed(changed)}", _RENDER)
    if stamp.get("version") != __version__:
        made = printable(str(stamp.get("version")), 40)
        seen = f"made by waf-builder {made}, and this is {__version__}"
        return warning(CHECK, seen, "So it was not compared with the spec. " + _RENDER)
    try:
        wanted = _rendered(spec, target, _at_build(tree, environ), tree)
    except WafBuilderError as error:
        return failed(CHECK, "the spec cannot be rendered for its versions", str(error))
    other = sorted(
        name
        for name in wanted.keys() | published.keys()
        if wanted.get(name) != published.get(name)
        and name != STAMP
        # Made from the installed rules, and from the files that are compared.
        and not name.startswith(f"{RULES_FOLDER}/")
        and name != SCREENS
    )
    if other:
        return failed(CHECK, f"not what the spec asks for: {_listed(other)}", _RENDER)
    return ok(CHECK, f"what the spec asks for, {len(published)} files for {target}")


def _target(stamp: Mapping[str, Any]) -> Target:
    names = ("nginx", "modsecurity", "connector", "crs")
    return Target(**{name: Version.parse(stamp[name]) for name in names})


def _rendered(spec: Path, target: Target, environ: Mapping[str, str], tree: Path) -> dict[str, str]:
    """Return the digest of each file that the spec renders to.

    tree: may hold the plugins that were got from a URL, and the rule set that has some.
    """
    loaded = load(spec, environ)
    crs = tree / "engine" / "crs"
    places = Places(loaded.folder, crs, cache_dir() / "plugins", tree=tree, download=False)
    found = find_plugins(loaded.spec.waf.plugins, target, places)
    overrides = find_overrides(loaded.folder, loaded.spec.errors.page).with_plugins(found)
    config = build(
        loaded.spec,
        target,
        index=_index(loaded.spec, crs, target, overrides),
        rules_before_crs=overrides.included("before-crs"),
        rules_after_crs=overrides.included("after-crs"),
        plugins=overrides.plugins,
    )
    if (tree / MANIFEST).is_file():
        screens = (tree / SCREENS).is_file()
        config = replace(config, rule_set=COMPILED_RULES, screens=screens)
    rendered = render(config, overrides)
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in rendered.items()}


def _index(spec: Spec, crs: Path, target: Target, overrides: Overrides) -> RuleIndex | None:
    """Return the rules that the tree loads; the spec's exclusions were written for these."""
    return known_rules(target, overrides, crs_in(crs)) if excludes(spec) else None


def _at_build(tree: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that the build left for boot."""
    words = (tree / _FIELDS).read_text(encoding="utf-8").split()
    left = {word.removeprefix("name=") for word in words if word.startswith("name=")}
    return {name: value for name, value in environ.items() if name not in left}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
