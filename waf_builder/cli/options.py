"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path(path_type=Path))


def _found(_ctx: click.Context, _param: click.Parameter, spec: Path | None) -> Path:
    if spec is not None:
        return spec
    from waf_builder.deploy.app import NAMES
    from waf_builder.deploy.install import deployed_tree

    # A shell in a container may be anywhere; the platform has the app in $HOME.
    home = Path(os.environ.get("HOME", ""))
    for folder in (Path(), *([home] if deployed_tree(home) else [])):
        found = [folder / name for name in NAMES if (folder / name).is_file()]
        if len(found) > 1:
            raise click.UsageError(f"name the spec: there are {found[0]} and {found[1]}")
        if found:
            return found[0]
    raise click.UsageError(f"name the spec: there is no {NAMES[0]} here")


own_spec_argument = click.argument(
    "spec", type=click.Path(path_type=Path), required=False, callback=_found
)
"""A spec, or none: that of this folder, or of the app that is deployed in this container."""


FORM = "waf_builder.form"
"""Under which a context knows in which form its command prints."""


def _known(ctx: click.Context, _param: click.Parameter, form: str) -> str:
    ctx.meta[FORM] = form
    return form


def format_option(what: str) -> Callable[[_F], _F]:
    """Add --format, for text or JSON; what: what is printed, such as "problems are"."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        callback=_known,
        help=f"How {what} printed.",
    )


_crs_option = click.option(
    "--crs",
    metavar="VERSION|DIR",
    help="Which Core Rule Set. [default: $WAF_BUILDER_CRS, else the engine's]",
)


def engine_options(function: _F) -> _F:
    """Add --engine and --crs."""
    engine = click.option(
        "--engine",
        metavar="system|apt|platform|DIR|none",
        help="Which nginx with ModSecurity to render for and to test with."
        " [default: $WAF_BUILDER_ENGINE, else the system's, else one that apt got before]",
    )
    return engine(_crs_option(function))


def judge_options(function: _F) -> _F:
    """Add --engine, with the library among the engines, and --crs."""
    engine = click.option(
        "--engine",
        metavar="library|nginx|system|apt|platform|DIR",
        help="Who is asked: libmodsecurity in this process, the nginx that is here, or one that is"
        " named. [default: the library where it can load the rules, else nginx]",
    )
    return engine(_crs_option(function))


def proof_options(function: _F) -> _F:
    """Add --engine, with the library among the engines but never by itself, and --crs."""
    engine = click.option(
        "--engine",
        metavar="nginx|system|apt|platform|DIR|library",
        help="Which nginx with ModSecurity answers; library: libmodsecurity in this process,"
        " without one. [default: $WAF_BUILDER_ENGINE, else the system's, else one that apt got"
        " before]",
    )
    return engine(_crs_option(function))
