"""`waf-builder init`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("spec", type=click.Path(path_type=Path), default=Path("backend.yaml"))
@click.option("--process", help="The process type that serves the app privately.")
@click.option("--port", help="The port it listens on.")
@click.option("--app-id", help="The application id, ap-<uuid>.")
@click.option("--network-id", help="The private network's id, pn-<uuid>. [default: the WAF's own]")
@click.option("--domain", help="A private domain name to take process and ids from.")
@click.option("--host", help="Any other host name or address, instead of the ids.")
@click.option("--force", is_flag=True, help="Replace a spec that is there.")
def init(
    spec: Path,
    process: str | None,
    port: str | None,
    app_id: str | None,
    network_id: str | None,
    domain: str | None,
    host: str | None,
    force: bool,
) -> None:
    """Write a first spec, from flags or by asking.

    A private domain name says the process and the ids at once.

    \b
    Example: waf-builder init --process myappbackend --port 3000 --app-id ap-...
    Example: waf-builder init --port 3000 \\
      --domain 1.myappbackend.ap-....pn-....private-network.internal.
    """
    from waf_builder.cli.output import show_problems
    from waf_builder.errors import ProblemsError, WafBuilderError
    from waf_builder.problem import errors_in
    from waf_builder.spec.draft import Draft, draft_text, parse_domain
    from waf_builder.spec.load import loads

    if spec.exists() and not force:
        raise WafBuilderError(
            f"{spec} is there already, and is left as it is\n    --force replaces it."
        )
    if host and (domain or app_id):
        raise click.UsageError("--host stands instead of --domain and --app-id")
    parts = parse_domain(domain) if domain else {}
    if not host:
        app_id = app_id or parts.get("app_id") or _ask("The backend's application id", "--app-id")
        process = process or parts.get("process") or _ask("Its process type", "--process")
    port = port or _ask("The port it listens on", "--port")
    network_id = network_id or parts.get("network_id")
    text = draft_text(Draft(port, process or "", app_id or "", network_id or "", host or ""))
    _, problems = loads(text, str(spec), {})
    if errors_in(problems):
        raise ProblemsError(problems)
    show_problems(problems)
    try:
        spec.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WafBuilderError(f"{spec} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {spec}; next: waf-builder render {spec}", err=True)


def _ask(question: str, flag: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{flag} is missing, and there is nobody to ask")
    answer: str = click.prompt(question, err=True)
    return answer
