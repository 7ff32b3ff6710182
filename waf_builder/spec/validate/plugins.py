"""Where plugins come from, and that each is named once."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import dotted


def plugins(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the plugins, as far as the spec alone shows."""
    seen: set[str] = set()
    for index, plugin in enumerate(spec.waf.plugins):
        path = ("waf", "plugins", index)
        if plugin.folder and plugin.url:
            yield Problem(
                "spec.plugin-source",
                f"{dotted(path)} has a folder and a url, expected one of them",
                at((*path, "url")),
                "Remove the one that the plugin is not to be taken from.",
            )
        if plugin.sha256 and not plugin.url:
            yield Problem(
                "spec.plugin-source",
                f"{dotted(path)} has a sha256 and no url, so it pins nothing",
                at((*path, "sha256")),
                "A folder stands beside the spec and changes with it: remove sha256.",
            )
        if plugin.name in seen:
            yield Problem(
                "spec.plugin-twice",
                f"{dotted(path)}: {plugin.name!r} is named a second time",
                at(path),
                "Remove it, or give the other plugin a name of its own.",
            )
        seen.add(plugin.name)
