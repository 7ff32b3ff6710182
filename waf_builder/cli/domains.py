"""`waf-builder domains`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import spec_argument


@click.command()
@spec_argument
def domains(spec: Path) -> None:
    """Print every private domain name of a spec's backends.

    \b
    Example: waf-builder domains backend.yaml
    """
    from waf_builder.config.domains import all_forms
    from waf_builder.spec.load import load

    backends = load(spec).spec.all_backends()
    for number, (name, backend) in enumerate(backends.items()):
        if len(backends) > 1:
            click.echo(f"{chr(10) if number else ''}{name}, port {backend.port}")
        forms = all_forms(backend)
        width = max(len(domain) for domain, _ in forms)
        for domain, meaning in forms:
            click.echo(f"{domain:<{width}}  {meaning}")
