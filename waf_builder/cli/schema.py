"""`waf-builder schema`."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of a spec, for editors.

    \b
    Example: waf-builder schema > backend.schema.json
    """
    from waf_builder.cli.output import print_json
    from waf_builder.spec.schema import json_schema

    print_json(json_schema())
