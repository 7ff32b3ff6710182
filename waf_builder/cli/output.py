"""How problems and progress look on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import click

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Problem, Severity, errors_in

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def show_error(error: WafBuilderError) -> None:
    """Print an error of the library to stderr."""
    if isinstance(error, ProblemsError):
        show_problems(error.problems)
        count = len(errors_in(error.problems))
        click.echo(f"{count} {'error' if count == 1 else 'errors'}", err=True)
        return
    click.echo(f"{click.style('error', fg='red', bold=True)}: {error}", err=True)


def show_problems(problems: Iterable[Problem], *, notes: bool = True) -> None:
    """Print problems to stderr, one after the other; notes only where they are asked for."""
    for problem in problems:
        if problem.severity is Severity.NOTE and not notes:
            continue
        word = problem.severity.value
        styled = click.style(word, fg=_COLOURS[problem.severity], bold=True)
        click.echo(problem.render().replace(f"{word}: ", f"{styled}: ", 1), err=True)


def show_json(problems: Sequence[Problem], *, ok: bool) -> None:
    """Print the stable JSON form to stdout."""
    report = {"ok": ok, "problems": [problem.as_json() for problem in problems]}
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def progress(message: str) -> None:
    """Print a line about a long step to stderr."""
    click.echo(f"{click.style('...', dim=True)} {message}", err=True)
