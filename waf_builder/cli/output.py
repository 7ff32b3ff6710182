"""How problems and progress look on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

import click

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Problem, Severity, errors_in

_INDENT = "    "
_WIDEST = 100
"""Longer lines are hard to read, however wide the terminal."""
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def show_error(error: WafBuilderError, *, as_json: bool = False) -> None:
    """Print an error of the library to stderr; as_json: and to stdout, as one line of JSON."""
    if as_json:
        problems = error.problems if isinstance(error, ProblemsError) else [_problem(error)]
        click.echo(json.dumps(_report(problems, ok=False), ensure_ascii=False))
    if not isinstance(error, ProblemsError):
        styled = click.style("error", fg="red", bold=True)
        click.echo(_wrapped(f"error: {error}").replace("error", styled, 1), err=True)
        return
    show_problems(error.problems)
    count = len(errors_in(error.problems))
    click.echo(f"{count} {'error' if count == 1 else 'errors'}", err=True)


def _problem(error: WafBuilderError) -> Problem:
    """Return an error that has no code as a problem without one."""
    message, _, hint = str(error).partition("\n")
    return Problem("", message, hint=textwrap.dedent(hint))


def show_os_error(error: OSError) -> None:
    """Print to stderr what the system says: of a file, or of the output where none is named."""
    what = error.filename if error.filename is not None else "the output cannot be written"
    if error.filename is None:
        _write_nowhere()
    with contextlib.suppress(OSError):  # stderr may be where there is no space, too
        told = f"{what}: {error.strerror or error}"
        click.echo(f"{click.style('error', fg='red', bold=True)}: {told}", err=True)


def _write_nowhere() -> None:
    """Let Python end without another error for what it still holds of the output."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def show_problems(problems: Iterable[Problem], *, notes: bool = True) -> None:
    """Print problems to stderr, one after the other; notes only where they are asked for."""
    for problem in problems:
        if problem.severity is Severity.NOTE and not notes:
            continue
        word = problem.severity.value
        styled = click.style(word, fg=_COLOURS[problem.severity], bold=True)
        text = _wrapped(problem.render())
        click.echo(text.replace(f"{word}: ", f"{styled}: ", 1), err=True)


def _wrapped(text: str) -> str:
    """Return text that fits on the terminal; elsewhere, where programs read it, as it is."""
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )


def column(text: str, indent: int) -> str:
    """Return text as the last column of a table that fits on the terminal, its first line bare.

    indent: how many characters stand before it.
    """
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    margin = " " * indent
    filled = textwrap.fill(
        text,
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled[indent:]


def show_json(problems: Sequence[Problem], *, ok: bool) -> None:
    """Print the stable JSON form to stdout."""
    print_json(_report(problems, ok=ok))


def print_json(data: object) -> None:
    """Print data to stdout as JSON that people can read, too."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _report(problems: Iterable[Problem], *, ok: bool) -> dict[str, object]:
    return {"ok": ok, "problems": [problem.as_json() for problem in problems]}


def progress(message: str) -> None:
    """Print a line about a long step to stderr."""
    click.echo(f"{click.style('...', dim=True)} {message}", err=True)
