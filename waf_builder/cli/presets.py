"""`waf-builder presets`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from waf_builder.cli.options import format_option


@click.command()
@click.argument("name", required=False)
@format_option("presets are")
def presets(name: str | None, form: str) -> None:
    """List presets of a route, and corrections of rules.

    A preset is what `preset` of a route can be; with its name, the keys that it stands for are
    printed. Corrections make a rule narrower, extra detection looks for more; all are on unless
    `waf.corrections` and `waf.extra_detection` say otherwise.

    \b
    Example: waf-builder presets
    Example: waf-builder presets json-api
    """
    from waf_builder.cli.output import print_json
    from waf_builder.problem import did_you_mean
    from waf_builder.spec.model import Corrections, ExtraDetection
    from waf_builder.spec.presets import PRESETS
    from waf_builder.spec.presettext import preset_json, preset_yaml, switches

    if name is not None and name not in PRESETS:
        hint = did_you_mean(name, PRESETS) or f"Known: {', '.join(PRESETS)}."
        raise click.BadParameter(f"there is no preset {name!r}. {hint}", param_hint="NAME")
    if form == "json":
        everything = {
            "presets": [preset_json(one) for one in PRESETS],
            "corrections": switches(Corrections),
            "extra_detection": switches(ExtraDetection),
        }
        found = preset_json(name) if name else everything
        print_json(found)
    elif name:
        click.echo(preset_yaml(name), nl=False)
    else:
        _show("presets of a route", {one: preset.summary for one, preset in PRESETS.items()})
        click.echo()
        _show("waf.corrections, each on unless it is false", switches(Corrections))
        click.echo()
        _show("waf.extra_detection, each on unless it is false", switches(ExtraDetection))


def _show(title: str, lines: Mapping[str, str]) -> None:
    from waf_builder.cli.output import column

    click.echo(click.style(title, bold=True))
    width = max(map(len, lines))
    for name, words in lines.items():
        click.echo(f"  {name:<{width}}  {column(words, width + 4)}")
