"""Presets as a page shows them: the YAML that `waf-builder presets NAME` prints."""

from __future__ import annotations

from waf_builder.spec.presets import PRESETS
from waf_builder.spec.presettext import preset_yaml

_BACKEND = "backend: {host: app.internal, port: 3000}"


def preset_blocks() -> str:
    """Return a heading and a whole spec for each preset."""
    return "\n".join(
        f"### `{name}`\n\n```yaml\n{_BACKEND}\n{preset_yaml(name)}```\n" for name in PRESETS
    )
