"""`waf-builder run`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from waf_builder.cli.options import engine_options, spec_argument


@click.command()
@spec_argument
@click.option("--backend", metavar="URL", help="Your own app here, instead of the spec's backends.")
@click.option("--demo", is_flag=True, help="Start a small demo backend and protect that.")
@click.option("--address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="The port to listen on.",
)
@engine_options
@click.pass_context
def run(
    ctx: click.Context,
    spec: Path,
    backend: str | None,
    demo: bool,
    address: str,
    port: int,
    engine: str | None,
    crs: str | None,
) -> None:
    """Run the real WAF on this machine, until Ctrl-C.

    An engine is got without root where none is there. One line a request is printed.

    \b
    Example: waf-builder run backend.yaml --backend http://127.0.0.1:3000
    """
    from waf_builder import pipeline
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.run.local import backend_from_url, local_waf
    from waf_builder.run.process import require_free_port
    from waf_builder.run.run import serve

    if backend and demo:
        raise click.UsageError("--backend and --demo exclude each other")
    require_free_port(address, port)
    with ExitStack() as stack:
        if demo:
            from waf_builder.run.demo import DemoBackend

            backend = stack.enter_context(DemoBackend()).url
        stand_in = backend_from_url(backend) if backend else None
        choice = pipeline.Choice(engine, crs)
        rendered = pipeline.render_for_run(spec, choice, stand_in, progress)
        show_problems([*rendered.problems, *pipeline.prove(rendered)], notes=False)
        versions = str(rendered.config.target)
        assert rendered.engine  # noqa: S101  render_for_run has got one
        tree = stack.enter_context(local_waf(rendered.tree, rendered.engine))
        ctx.exit(
            serve(
                tree,
                address=address,
                port=port,
                resolvers=None,
                on_line=click.echo,
                on_ready=lambda: click.echo(_ready(address, port, versions)),
            )
        )


def _ready(address: str, port: int, versions: str) -> str:
    # A Host that is an address is a match of its own (rule 920350), so a name is shown.
    name = "localhost" if address == "127.0.0.1" else address
    url = f"http://{name}:{port}"
    return f"""
The WAF is listening on http://{address}:{port} ({versions}).
  passes:      curl -i '{url}/?q=hello'
  is blocked:  curl -i '{url}/?q=1%20UNION%20SELECT%20password%20FROM%20users'
Ctrl-C ends it.
"""
