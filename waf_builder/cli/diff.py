"""`waf-builder diff`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import format_option, judge_options
from waf_builder.cli.status import NOT_AS_WANTED


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--requests",
    metavar="REQUEST",
    multiple=True,
    help="Also ask both what they say to this: what `inspect` takes, or tests as `test` does."
    " May be repeated.",
)
@format_option("the difference is")
@judge_options
@click.pass_context
def diff(
    ctx: click.Context,
    old: Path,
    new: Path,
    requests: tuple[str, ...],
    form: str,
    engine: str | None,
    crs: str | None,
) -> None:
    """Say what differs between two specs, two locks or two rule sets.

    OLD and NEW are two specs, two waf.lock files, or two folders of a Core Rule Set. Specs are
    compared route by route, rules one by one. With --requests, which verdicts change: of locks with
    the spec beside each, of folders with all defaults. Exit status: 0 nothing differs, 3 something
    does, 1 a problem.

    \b
    Example: waf-builder diff old.yaml backend.yaml --requests shop.har
    """
    from waf_builder.choice import Choice
    from waf_builder.cli.output import print_json, progress, show_problems
    from waf_builder.diff.asjson import as_json
    from waf_builder.diff.compare import ask_both, compare
    from waf_builder.diff.report import text
    from waf_builder.diff.requests import requests_in
    from waf_builder.diff.sides import sides
    from waf_builder.problem import errors_in

    choice = Choice(engine, crs)
    found = compare(*sides(old, new), choice, progress)
    if requests and not errors_in(found.problems):
        found = ask_both(found, requests_in(requests), choice, progress)
    if form == "json":
        print_json(as_json(found))
    else:
        click.echo(text(found))
    show_problems(found.problems)
    if errors_in(found.problems):
        ctx.exit(1)
    ctx.exit(NOT_AS_WANTED if found.differs else 0)
