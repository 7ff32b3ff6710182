"""`waf-builder doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import engine_options, format_option, own_spec_argument


@click.command()
@own_spec_argument
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="A name server to ask. [default: $WAF_RESOLVERS, else those of /etc/resolv.conf]",
)
@click.option(
    "--tree",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A published folder, to compare with the spec; its engine is looked at."
    " [default: the one that was deployed beside the spec]",
)
@format_option("the table is")
@engine_options
@click.pass_context
def doctor(
    ctx: click.Context,
    spec: Path,
    resolvers: tuple[str, ...],
    tree: Path | None,
    form: str,
    engine: str | None,
    crs: str | None,
) -> None:
    """Look for what keeps the WAF from working, from where it runs.

    Resolves each backend's name as nginx does, connects, asks for a page, and looks at the
    container and the engine. It takes at most ten seconds and changes nothing. Run it in the
    WAF's container, or in a one-off one. Without SPEC, it takes that of this folder, or of the app
    that is deployed here.

    \b
    Example: waf-builder doctor
    Example: waf-builder doctor backend.yaml
    """
    import os

    from waf_builder.cli.output import print_json
    from waf_builder.deploy.install import deployed_tree
    from waf_builder.doctor.examine import Options, examine
    from waf_builder.doctor.here import Here
    from waf_builder.doctor.resolvers import parse_server
    from waf_builder.doctor.result import Outcome
    from waf_builder.doctor.table import table

    try:
        servers = tuple(parse_server(text) for text in resolvers)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--resolver") from None
    tree = tree or deployed_tree(spec.parent)
    results = examine(spec, Options(servers, engine, crs, tree), Here(dict(os.environ)))
    good = not any(result.outcome is Outcome.FAILED for result in results)
    if form == "json":
        print_json({"ok": good, "checks": [result.as_json() for result in results]})
    else:
        click.echo(table(results, _paint))
    ctx.exit(0 if good else 1)


def _paint(outcome: object, text: str) -> str:
    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    colour = colours.get(str(getattr(outcome, "value", "")))
    return click.style(text, fg=colour, bold=True) if colour else text
