"""`waf-builder inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import format_option, judge_options, spec_argument
from waf_builder.cli.status import NOT_AS_WANTED

_NARROWEST, _WIDEST = 40, 100
"""Columns of an answer, whatever the terminal has."""
_COLOURS = {"pass": "green", "detect": "yellow", "block": "red", "reject": "red", "error": "red"}


@click.command()
@spec_argument
@click.argument("request_", metavar="REQUEST")
@format_option("answers are")
@judge_options
@click.pass_context
def inspect(
    ctx: click.Context, spec: Path, request_: str, form: str, engine: str | None, crs: str | None
) -> None:
    """Ask whether a request would pass, and why not.

    REQUEST is a URL, a path, a curl command in quotes as browsers copy it, or a file with a raw
    HTTP request, a HAR, or lines of the WAF's log; `-` is standard input. libmodsecurity gives the
    answer in this process, or with --engine a real nginx on a loopback port; no backend is asked.
    Exit status: 0 it passes, 3 it would be refused, 1 a problem.

    \b
    Example: waf-builder inspect backend.yaml 'https://shop.example.com/search?q=l%27été'
    """
    import json
    import shutil

    from waf_builder.choice import Choice
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.inspect.read import read
    from waf_builder.inspect.report import text
    from waf_builder.judges import inspector_of

    width = max(_NARROWEST, min(shutil.get_terminal_size().columns, _WIDEST))
    refused = False
    with inspector_of(spec, Choice(engine, crs), progress) as inspector:
        show_problems(inspector.problems, notes=False)
        findings = inspector.findings(read(request_), asking_again=True)
        for number, finding in enumerate(findings):
            refused = refused or finding.answer.refused
            if form == "json":
                click.echo(json.dumps(finding.as_json(), ensure_ascii=False))
            else:
                click.echo(("\n" if number else "") + text(finding, _paint, width))
    ctx.exit(NOT_AS_WANTED if refused else 0)


def _paint(verdict: str, words: str) -> str:
    return click.style(words, fg=_COLOURS[verdict], bold=True)
