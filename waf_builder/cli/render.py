"""`waf-builder render`."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from waf_builder.cli.options import engine_options, spec_argument
from waf_builder.cli.status import NOT_AS_WANTED


@click.command()
@spec_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to publish to, all or nothing.",
)
@click.option(
    "--diff",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Show what would change in a published folder; exit 3 if anything would.",
)
@click.option("--nginx-version", metavar="X.Y.Z", help="Render for this nginx instead.")
@engine_options
@click.pass_context
def render(
    ctx: click.Context,
    spec: Path,
    output: Path | None,
    diff: Path | None,
    nginx_version: str | None,
    engine: str | None,
    crs: str | None,
) -> None:
    """Render a spec, check the result, and publish it.

    Without -o, nginx.conf goes to stdout. A problem leaves what was published before untouched.

    \b
    Example: waf-builder render backend.yaml -o build/waf
    """
    from waf_builder import pipeline
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.render.deviations import deviations
    from waf_builder.render.publish import difference, read_tree

    if output and diff:
        raise click.UsageError("-o and --diff exclude each other")
    # What a render makes lives to its end: looking for garbage takes a quarter of 10,000 routes.
    gc.disable()
    ctx.call_on_close(gc.enable)
    choice = pipeline.Choice(engine, crs, nginx_version)
    rendered = pipeline.render_spec(spec, choice, progress=progress)
    show_problems(rendered.problems, notes=False)
    if output:
        show_problems(pipeline.publish_checked(rendered, output), notes=False)
        click.echo(f"{output}: {len(rendered.tree)} files for {rendered.config.target}", err=True)
        if rendered.loaded:
            loaded, rules = rendered.loaded
            click.echo(
                f"{output}: {loaded} of the {rules} rules can match, and are loaded", err=True
            )
            for line in deviations(rendered.config):
                click.echo(f"{output}: {line}", err=True)
        return
    show_problems(pipeline.prove(rendered), notes=False)
    if diff:
        if not diff.exists():
            progress(f"there is no {diff}, so all of it is new")
        text = difference(read_tree(diff), rendered.tree)
        click.echo(text, nl=False)
        ctx.exit(NOT_AS_WANTED if text else 0)
    click.echo(rendered.tree["nginx.conf"], nl=False)
