"""`waf-builder crs`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import proof_options, spec_argument


@click.group()
def crs() -> None:
    """Look after the Core Rule Set that a spec loads.

    \b
    Example: waf-builder crs verify backend.yaml
    """


@crs.command()
@spec_argument
@click.option(
    "--requests",
    "count",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="How many requests both get.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Another number makes other requests.",
)
@proof_options
@click.pass_context
def verify(
    ctx: click.Context, spec: Path, count: int, seed: int, engine: str | None, crs: str | None
) -> None:
    """Show that the compiled rules say what the installed ones do.

    The engine is started with each, and both get the same ordinary requests and attacks. Every
    match, score and answer has to be the same; exit 1 if one is not. Libraries differ: the one that
    will run is the one to ask.

    \b
    Example: waf-builder crs verify backend.yaml --requests 10000 --seed 7
    """
    from waf_builder import judges, pipeline
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.verify import verify as compare

    rules = None
    if engine == judges.LIBRARY:
        rendered, rules = judges.without_nginx(spec, pipeline.Choice(None, crs), progress)
        pipeline.require_sound_rules(rendered)
        show_problems(rendered.problems, notes=False)
    else:
        choice = pipeline.Choice(None if engine == judges.NGINX else engine, crs)
        rendered = pipeline.render_spec(spec, choice, progress=progress)
        show_problems([*rendered.problems, *pipeline.prove(rendered)], notes=False)
    found = compare(spec, rendered, count=count, seed=seed, rules=rules)
    for difference in found.differences:
        click.echo(str(difference))
    click.echo(
        f"{found.requests} requests, {found.refused} refused, {len(found.rules)} rules matched: "
        + (f"{len(found.differences)} differ" if found.differences else "the same from both")
    )
    ctx.exit(1 if found.differences else 0)
