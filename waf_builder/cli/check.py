"""`waf-builder check`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import engine_options, format_option


@click.command()
@click.argument("tree", type=click.Path(path_type=Path), metavar="DIR")
@format_option("problems are")
@engine_options
@click.pass_context
def check(ctx: click.Context, tree: Path, form: str, engine: str | None, crs: str | None) -> None:
    """Check a folder that was rendered.

    Its syntax, its security, its rules, and what nginx's own test says.

    \b
    Example: waf-builder check build/waf
    """
    from waf_builder.check.tree import check_tree, not_a_tree
    from waf_builder.cli.output import progress, show_json, show_problems
    from waf_builder.pipeline import Choice, find_target
    from waf_builder.problem import errors_in

    if other := not_a_tree(tree):
        problems, tested = [other], ""
    else:
        _, found, about_engine = find_target(Choice(engine, crs), progress)
        problems = [*about_engine, *check_tree(tree, engine=found)]
        tested = f"by nginx {found.nginx_version} too" if found else "without nginx's own test"
    ok = not errors_in(problems)
    if form == "json":
        show_json(problems, ok=ok)
    else:
        show_problems(problems)
        if tested:
            click.echo(f"{tree}: checked {tested}, {'sound' if ok else 'not sound'}", err=not ok)
    ctx.exit(0 if ok else 1)
