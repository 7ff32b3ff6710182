"""`waf-builder templates`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def templates() -> None:
    """See the built-in templates, and start an override of one."""


@templates.command("list")
def list_templates() -> None:
    """List the built-in templates and their blocks.

    An override can replace a block, or a template as a whole.

    \b
    Example: waf-builder templates list
    """
    from waf_builder.render.builtins import builtin_templates_with_blocks

    listed = builtin_templates_with_blocks()
    width = max(len(name) for name in listed)
    for name, blocks in listed.items():
        click.echo(f"{name:<{width}}  {' '.join(blocks) or '(no blocks: replaced as a whole)'}")


@templates.command()
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("waf/templates"),
    show_default=True,
    help="Where overrides stand, beside the spec.",
)
def copy(name: str, folder: Path) -> None:
    """Write a starting point for an override.

    It changes nothing until you edit it.

    \b
    Example: waf-builder templates copy location.conf.j2
    """
    from waf_builder.render.builtins import start_override

    click.echo(f"wrote {start_override(name, folder)}", err=True)
