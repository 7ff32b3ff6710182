"""`waf-builder rules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from waf_builder.cli.options import engine_options, format_option

if TYPE_CHECKING:
    from waf_builder.crs.rules import IndexedRule


@click.command()
@click.option("--tag", metavar="TAG", help="Only rules with this tag.")
@click.option("--search", metavar="TEXT", help="Only rules whose id, message or tags hold this.")
@click.option("--level", type=click.IntRange(1, 4), help="Only rules of this paranoia level.")
@format_option("rules are")
@engine_options
@click.pass_context
def rules(
    ctx: click.Context,
    tag: str | None,
    search: str | None,
    level: int | None,
    form: str,
    engine: str | None,
    crs: str | None,
) -> None:
    """List the rules that look for attacks and leaks.

    Each with its paranoia level, its score and its message.

    \b
    Example: waf-builder rules --tag attack-sqli --level 1
    """
    from waf_builder.choice import Choice
    from waf_builder.cli.output import print_json, progress
    from waf_builder.crs.describe import as_json
    from waf_builder.target import find_rules

    installed, index = find_rules(Choice(engine, crs), progress)
    found = index.select(tag, search, level)
    if form == "json":
        print_json([as_json(rule) for rule in found])
    else:
        _show(found)
        total = sum(rule.detects for rule in index)
        click.echo(f"{len(found)} of {total} rules of Core Rule Set {installed.version}", err=True)
    if tag and not found:
        click.echo(_tags(index.tags), err=True)
    ctx.exit(0 if found else 1)


def _show(found: Sequence[IndexedRule]) -> None:
    if found:
        click.echo(click.style("id      level  score  message", bold=True))
    for rule in found:
        level = str(rule.level or "any")
        click.echo(f"{rule.id:<6}  {level:>5}  {rule.score or '-':>5}  {rule.message}")


def _tags(tags: frozenset[str]) -> str:
    named = sorted(tag for tag in tags if tag.startswith("attack-"))
    return f"Tags that name an attack: {', '.join(named)}"
