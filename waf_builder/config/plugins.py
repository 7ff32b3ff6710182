"""Exclusions for an application: a switch of the Core Rule Set 3.3, a plugin of 4."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.config.model import Locator, Target
from waf_builder.problem import Problem
from waf_builder.spec.model import Spec
from waf_builder.spec.yaml import dotted

SWITCHES = frozenset({"cpanel", "dokuwiki", "drupal", "nextcloud", "wordpress", "xenforo"})
"""The applications whose exclusions are a part of the Core Rule Set 3.3: its files
REQUEST-903.9*.conf, which tx.crs_exclusions_<name> switches on (rule 900130 of its setup)."""

APPLICATIONS = SWITCHES | {"phpbb", "phpmyadmin"}
"""The applications that have an official plugin for the Core Rule Set 4, `plugin_of(name)`.

https://github.com/coreruleset/plugin-registry
"""

_SUFFIXES = ("-plugin", "-rule-exclusions")


def application(name: str) -> str | None:
    """Return the application that a plugin's name means, or None.

    wordpress, wordpress-rule-exclusions and wordpress-rule-exclusions-plugin mean the same.
    """
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name if name in APPLICATIONS else None


def plugin_of(name: str) -> str:
    """Return how the files of an application's plugin begin."""
    return f"{name}-rule-exclusions"


def exclusion_switches(spec: Spec, target: Target) -> tuple[tuple[str, str], ...]:
    """Return the variables that switch the exclusions of a Core Rule Set 3.3 on."""
    if target.has_crs_4:
        return ()
    named = dict.fromkeys(application(plugin.name) for plugin in spec.waf.plugins)
    return tuple((f"crs_exclusions_{name}", "1") for name in named if name in SWITCHES)


def unsupported_plugins(spec: Spec, target: Target, at: Locator) -> Iterator[Problem]:
    """Yield a problem for each plugin that the target's rule set has no place for."""
    if target.has_crs_4:
        return
    for index, plugin in enumerate(spec.waf.plugins):
        path = ("waf", "plugins", index)
        name = application(plugin.name)
        alone = not (plugin.folder or plugin.url)
        if alone and name in SWITCHES:
            continue
        if name in SWITCHES:
            hint = f"It brings its own exclusions for {name}: write the name alone."
        else:
            known = ", ".join(sorted(SWITCHES))
            hint = f"It has exclusions for {known}. Remove the entry, or give a Core Rule Set 4."
        yield Problem(
            "config.plugin-needs-crs-4",
            f"{dotted(path)}: {plugin.name!r} is a plugin for the Core Rule Set 4, and this is"
            f" {target.crs}",
            at(path),
            hint,
        )
