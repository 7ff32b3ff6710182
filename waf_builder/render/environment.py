"""The Jinja environment: strict, without access to files, the user's templates first."""

from __future__ import annotations

import functools
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from waf_builder.paths import builtin_templates
from waf_builder.render.bytecode import BytecodeBeside
from waf_builder.render.filters import FILTERS

BUILTIN = "builtin"
"""`{% extends "builtin:server.conf.j2" %}` is the built-in template, whatever shadows it."""


def make_environment(overrides: Path | None = None) -> Environment:
    """Return the environment in which a template of `overrides` shadows the built-in one."""
    return _make(overrides) if overrides else _without_overrides()


@functools.cache
def _without_overrides() -> Environment:
    # Once a process: compiling the built-in templates takes most of the time of a render.
    return _make(None)


def _make(overrides: Path | None) -> Environment:
    builtin = FileSystemLoader(builtin_templates())
    own = [FileSystemLoader(overrides)] if overrides else []
    loader = ChoiceLoader([*own, builtin, PrefixLoader({BUILTIN: builtin}, delimiter=":")])
    environment = Environment(  # noqa: S701  nginx.conf is not HTML: filters quote each value
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        # A user's templates are not ours to write beside.
        bytecode_cache=None if overrides else BytecodeBeside(builtin_templates()),
    )
    environment.filters.update(FILTERS)
    return environment
