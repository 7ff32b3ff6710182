"""`waf-builder lock`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import engine_options, own_spec_argument


@click.command()
@own_spec_argument
@click.option("--check", is_flag=True, help="Write nothing: exit 1 if the lock cannot be met here.")
@engine_options
@click.pass_context
def lock(ctx: click.Context, spec: Path, check: bool, engine: str | None, crs: str | None) -> None:
    """Write down the engine and the rules that a deploy must take.

    They stand in waf.lock, beside the spec. Beside a deployed app it is what is deployed, unless
    --engine or --crs says otherwise. Elsewhere, what is not here yet is got: an engine by apt, the
    rules from their project. Without SPEC, it takes that of this folder, or of the app that is
    deployed here.

    \b
    Example: waf-builder lock backend.yaml
    Example: waf-builder lock backend.yaml --check
    """
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.deploy.install import deployed_tree
    from waf_builder.engine.link import linked
    from waf_builder.lock.make import check_lock, make_lock, who_can_meet
    from waf_builder.lock.read import lock_beside
    from waf_builder.problem import errors_in

    file = lock_beside(spec)
    if not check:
        if not (engine or crs) and (tree := deployed_tree(spec.parent)):
            engine, crs = linked(tree)
        made = make_lock(spec, engine, crs, progress)
        parts = made.engine
        click.echo(
            f"{file}: nginx {parts.nginx.version}, libmodsecurity {parts.libmodsecurity.version},"
            f" CRS {made.crs.version} ({parts.kind})",
            err=True,
        )
        if remark := who_can_meet(made):
            show_problems([remark])
        return
    problems = check_lock(spec, engine, crs, progress)
    show_problems(problems)
    if not errors_in(problems):
        click.echo(f"{file} can be met here", err=True)
    ctx.exit(1 if errors_in(problems) else 0)
