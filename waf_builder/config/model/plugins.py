"""The plugins of the Core Rule Set 4, as modsecurity/main.conf includes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PluginRules:
    """The rule files of all plugins by when they are loaded, below `modsecurity/`.

    https://coreruleset.org/docs/4-about-plugins/4-1-plugins/ has the order.
    """

    config: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
