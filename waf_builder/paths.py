"""Where the files that travel with the package are."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent


def builtin_templates() -> Path:
    """Return the folder of the built-in Jinja templates, in a wheel or in a checkout."""
    return _first_dir(_PACKAGE / "templates", _CHECKOUT / "templates")


def start_waf() -> Path:
    """Return the boot script that fills in the boot files and starts nginx."""
    runtime = _first_dir(_PACKAGE / "runtime", _CHECKOUT / "buildpack" / "runtime")
    return runtime / "start-waf"


def cache_dir() -> Path:
    """Return the folder for what can be had again: downloaded engines, indexes.

    `$WAF_BUILDER_CACHE`, else `$XDG_CACHE_HOME/waf-builder`, else `~/.cache/waf-builder`.
    """
    if chosen := os.environ.get("WAF_BUILDER_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "waf-builder"


def _first_dir(in_wheel: Path, in_checkout: Path) -> Path:
    return in_wheel if in_wheel.is_dir() else in_checkout
