"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path(path_type=Path))

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How problems are printed.",
)


def engine_options(function: _F) -> _F:
    """Add --engine and --crs."""
    engine = click.option(
        "--engine",
        metavar="system|apt|platform|DIR|none",
        help="Which nginx with ModSecurity to render for and to test with."
        " [default: $WAF_BUILDER_ENGINE, else the system's, else one that apt got before]",
    )
    crs = click.option(
        "--crs",
        metavar="VERSION|DIR",
        help="Which Core Rule Set. [default: $WAF_BUILDER_CRS, else the engine's]",
    )
    return engine(crs(function))
