"""`waf-builder explain`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waf_builder.cli.options import engine_options, format_option

if TYPE_CHECKING:
    from waf_builder.crs.describe import Fact

_TITLES = 16


@click.command()
@click.argument("number", metavar="ID", type=int)
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@format_option("the rule is")
@engine_options
def explain(number: int, spec: Path | None, form: str, engine: str | None, crs: str | None) -> None:
    """Say what a rule looks at, and print an exclusion for it.

    With a SPEC also whether the rule is in force.

    \b
    Example: waf-builder explain 942100 backend.yaml
    """
    from waf_builder.choice import Choice
    from waf_builder.cli.output import print_json, progress
    from waf_builder.explain import explain_rule

    told = explain_rule(number, Choice(engine, crs), spec, progress)
    if form == "json":
        print_json(told.as_json())
        return
    click.echo(f"{click.style(str(number), bold=True)}  {told.title}\n")
    _show(told.facts)
    click.echo(f"\n{told.advice}")
    if told.exclusion:
        click.echo(f"\n{told.exclusion}", nl=False)


def _show(facts: Sequence[Fact]) -> None:
    from waf_builder.cli.output import column

    for fact in facts:
        title = click.style(f"{fact.name:<{_TITLES}}", dim=True)
        click.echo(f"  {title}  {column(fact.text, _TITLES + 4)}")
