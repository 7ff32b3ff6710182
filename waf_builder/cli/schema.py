"""`waf-builder schema`."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of a spec, for editors.

    \b
    Example: waf-builder schema > backend.schema.json
    """
    import json

    from waf_builder.spec.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
