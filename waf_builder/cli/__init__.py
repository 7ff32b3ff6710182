"""The command `waf-builder`: each command is a thin shell over one library call."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from waf_builder import __version__
from waf_builder.cli.options import FORM
from waf_builder.collector import look_seldom
from waf_builder.ending import ended_by_signals
from waf_builder.errors import WafBuilderError

COMMANDS = (
    "init",
    "validate",
    "render",
    "check",
    "run",
    "inspect",
    "test",
    "replay",
    "diff",
    "rules",
    "explain",
    "crs",
    "lock",
    "doctor",
    "domains",
    "presets",
    "schema",
    "templates",
)
"""The commands in the order in which people meet them, each in the module of its name."""


class _Commands(Mapping[str, click.Command]):
    """The commands by name, each loaded when it is asked for: a start needs one of them."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in COMMANDS:
            raise KeyError(name)
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Cli(click.Group):
    """The one place where the library's errors become a message and an exit status."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; 1 for a problem that the user can mend."""
        look_seldom()
        try:
            with ended_by_signals():
                return super().invoke(ctx)
        except WafBuilderError as error:
            from waf_builder.cli.output import show_error

            show_error(error, as_json=ctx.meta.get(FORM) == "json")
            ctx.exit(1)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program; 1 where the system lets it not read or write, its output included."""
        try:
            return super().main(*args, **extra)
        except OSError as error:  # but a pipe that nobody reads on, which click has seen to
            from waf_builder.cli.output import show_os_error

            show_os_error(error)
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order in which people meet them."""
        return list(self.commands)


@click.group(
    cls=Cli, commands=_Commands(), context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="waf-builder")
def main() -> None:
    """Put a web application firewall before an app in a private network.

    A short backend.yaml goes in; a proven nginx + ModSecurity + OWASP Core Rule Set
    configuration comes out.
    """
