"""Routes as they hold: the keys of a route's preset, beneath those that it has itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waf_builder.spec.presets import PRESETS

_ADDS_UP = ("waf", "exclusions")
"""The one list that a route adds to: a preset's exclusions say what such a route cannot avoid."""


def apply_presets(data: Any) -> None:
    """Write the keys of each route's preset into a spec as it was read, in place.

    A key that the route has wins; mappings are merged key by key. A key without a value takes
    the preset's away. What is no route, and a preset that there is not, is left for the model.
    """
    routes = data.get("routes") if isinstance(data, dict) else None
    for route in routes if isinstance(routes, list) else ():
        name = route.get("preset") if isinstance(route, dict) else None
        if isinstance(name, str) and name in PRESETS:
            _merge(route, PRESETS[name].route(), ())


def _merge(own: dict[str, Any], preset: Mapping[str, Any], at: tuple[str, ...]) -> None:
    for key, value in preset.items():
        here = (*at, key)
        if key not in own:
            own[key] = value
        elif own[key] is None:
            del own[key]
        elif isinstance(own[key], dict) and isinstance(value, dict):
            _merge(own[key], value, here)
        elif here == _ADDS_UP and isinstance(own[key], list):
            own[key] = [*own[key], *value]
