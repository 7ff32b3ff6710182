"""Presets as the YAML that a user could write instead, and what stands beside them."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from waf_builder.spec.meanings import meanings
from waf_builder.spec.model import SpecModel
from waf_builder.spec.presets import PRESETS, Preset

_WIDTH = 96
_ROUTE = "    "


def preset_yaml(name: str) -> str:
    """Return a route with every key that the preset stands for, each with its reason."""
    preset = PRESETS[name]
    lines = [f"# The same as `preset: {name}`: {preset.summary}.", "routes:", "  - path: /"]
    open_keys: tuple[str, ...] = ()
    for setting in preset.settings:
        *around, key = setting.key
        for depth, part in enumerate(around):
            if open_keys[: depth + 1] != setting.key[: depth + 1]:
                lines.append(f"{_indent(depth)}{part}:")
        open_keys = tuple(around)
        indent = _indent(len(around))
        lines += _comment(setting.reason, indent)
        lines += _pair(indent, key, setting.value)
    if preset.advice:
        lines += _comment(preset.advice, _ROUTE)
    return "\n".join(lines) + "\n"


def preset_json(name: str) -> dict[str, Any]:
    """Return a preset for programs: what it stands for, and the reason of each key."""
    preset: Preset = PRESETS[name]
    return {
        "name": name,
        "summary": preset.summary,
        "route": preset.route(),
        "reasons": {".".join(setting.key): setting.reason for setting in preset.settings},
        "advice": preset.advice,
    }


def switches(model: type[SpecModel]) -> dict[str, str]:
    """Return what can be switched off in a part of the spec, each with what it is about."""
    return {name: " ".join(meaning.split()) for name, meaning in meanings(model).items()}


def _indent(depth: int) -> str:
    return _ROUTE + "  " * depth


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )


def _pair(indent: str, key: str, value: Any) -> list[str]:
    if not isinstance(value, tuple):
        return [f"{indent}{key}: {_written(value)}"]
    items = [_written(item) for item in value]
    line = f"{indent}{key}: [{', '.join(items)}]"
    if len(line) <= _WIDTH and not any(isinstance(item, dict) for item in value):
        return [line]
    return [f"{indent}{key}:", *(f"{indent}  - {item}" for item in items)]


def _written(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{key}: {_written(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value) if not isinstance(value, str) or ":" in value else value
