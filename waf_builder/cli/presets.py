"""`waf-builder presets`."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How presets are printed.",
)
def presets(name: str | None, form: str) -> None:
    """List what `preset` of a route can be, or print one as the keys that it stands for.

    \b
    Example: waf-builder presets
    Example: waf-builder presets json-api
    """
    import json

    from waf_builder.problem import did_you_mean
    from waf_builder.spec.presets import PRESETS
    from waf_builder.spec.presettext import preset_json, preset_yaml

    if name is not None and name not in PRESETS:
        hint = did_you_mean(name, PRESETS) or f"Known: {', '.join(PRESETS)}."
        raise click.BadParameter(f"there is no preset {name!r}. {hint}", param_hint="NAME")
    if form == "json":
        found = preset_json(name) if name else [preset_json(one) for one in PRESETS]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif name:
        click.echo(preset_yaml(name), nl=False)
    else:
        width = max(map(len, PRESETS))
        for one, preset in PRESETS.items():
            click.echo(f"{one:<{width}}  {preset.summary}")
