"""A tree that brings its own rule set: the installed one, compiled for the tree's policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from waf_builder.config.build import COMPILED_RULES
from waf_builder.config.model import Config
from waf_builder.problem import Problem
from waf_builder.render.overrides import Overrides
from waf_builder.render.publish import MANIFEST, RULES_FOLDER, SCREENS
from waf_builder.render.render import Tree, render

if TYPE_CHECKING:
    from waf_builder.crs.installed import InstalledCrs


def render_with_rules(
    config: Config,
    overrides: Overrides | None,
    crs: InstalledCrs | None,
    steps: bool | Sequence[str],
) -> tuple[Config, Tree, list[Problem]]:
    """Return the tree with the rules that its policy can use, and the configuration of it.

    crs: None where there are no rules to compile; then the tree includes the engine's.
    steps: the compiler's steps to take, True for all, False for none.
    A rule set that the compiler does not know is included as it is, and a warning says so.
    """
    if crs is None or steps is False:
        return config, render(config, overrides), []
    from waf_builder.crs.compile import PASSES, compile_rules

    names = tuple(PASSES) if isinstance(steps, bool) else steps
    compiling = replace(config, rule_set=COMPILED_RULES, screens="screens" in names)
    tree = render(compiling, overrides)
    compiled = compile_rules(crs, tree, COMPILED_RULES, names)
    if compiled is None or isinstance(compiled, Problem):
        return config, render(config, overrides), [compiled] if compiled else []
    tree.update({f"{RULES_FOLDER}/{name}": text for name, text in compiled.files.items()})
    if compiling.screens:
        tree[SCREENS] = compiled.screens or tree[SCREENS]
    tree[MANIFEST] = compiled.manifest.as_json()
    return compiling, tree, []
