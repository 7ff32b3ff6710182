"""`waf-builder validate`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import format_option, spec_argument


@click.command()
@spec_argument
@format_option("problems are")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.pass_context
def validate(ctx: click.Context, spec: Path, form: str, strict: bool) -> None:
    """Report every problem of a spec, with file, line and column.

    \b
    Example: waf-builder validate backend.yaml --strict
    """
    from waf_builder.cli.output import show_json, show_problems
    from waf_builder.errors import ProblemsError
    from waf_builder.problem import Severity, errors_in
    from waf_builder.spec.load import load

    try:
        problems = load(spec).warnings
    except ProblemsError as error:
        problems = error.problems
    weighs = any(problem.severity is Severity.WARNING for problem in problems)
    ok = not errors_in(problems) and not (strict and weighs)
    if form == "json":
        show_json(problems, ok=ok)
    else:
        show_problems(problems)
        click.echo(f"{spec} is valid" if ok else _count(len(problems)), err=not ok)
    ctx.exit(0 if ok else 1)


def _count(number: int) -> str:
    return f"{number} problem{'' if number == 1 else 's'}"
