"""The command `waf-builder`: each command is a thin shell over one library call."""

from __future__ import annotations

import click

from waf_builder import __version__
from waf_builder.cli.check import check
from waf_builder.cli.crs import crs
from waf_builder.cli.diff import diff
from waf_builder.cli.doctor import doctor
from waf_builder.cli.domains import domains
from waf_builder.cli.explain import explain
from waf_builder.cli.init import init
from waf_builder.cli.inspect import inspect
from waf_builder.cli.lock import lock
from waf_builder.cli.presets import presets
from waf_builder.cli.render import render
from waf_builder.cli.replay import replay
from waf_builder.cli.rules import rules
from waf_builder.cli.run import run
from waf_builder.cli.schema import schema
from waf_builder.cli.templates import templates
from waf_builder.cli.test import test
from waf_builder.cli.validate import validate
from waf_builder.collector import look_seldom
from waf_builder.ending import ended_by_signals
from waf_builder.errors import WafBuilderError


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

            show_error(error)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order in which people meet them."""
        return list(self.commands)


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="waf-builder")
def main() -> None:
    """Put a web application firewall before an app in a private network.

    A short backend.yaml goes in; a proven nginx + ModSecurity + OWASP Core Rule Set
    configuration comes out.
    """


COMMANDS = (
    init,
    validate,
    render,
    check,
    run,
    inspect,
    test,
    replay,
    diff,
    rules,
    explain,
    crs,
    lock,
    doctor,
    domains,
    presets,
    schema,
    templates,
)

for command in COMMANDS:
    main.add_command(command)
