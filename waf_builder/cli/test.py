"""`waf-builder test`."""

from __future__ import annotations

from pathlib import Path

import click

from waf_builder.cli.options import judge_options, spec_argument
from waf_builder.cli.status import NOT_AS_WANTED


@click.command()
@spec_argument
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@judge_options
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML.")
@click.pass_context
def test(
    ctx: click.Context,
    spec: Path,
    files: tuple[Path, ...],
    engine: str | None,
    crs: str | None,
    junit: Path | None,
) -> None:
    """Test that ordinary requests pass, and that attacks do not.

    FILES are YAML files, or folders of them; without any, those in tests/waf beside the spec. Exit
    status: 0 all tests pass, 3 one fails, 1 a problem.

    \b
    Example: waf-builder test backend.yaml --junit report.xml
    """
    from waf_builder.choice import Choice
    from waf_builder.cli.output import progress, show_problems
    from waf_builder.errors import WafBuilderError
    from waf_builder.judges import inspector_of
    from waf_builder.run.workers import cores
    from waf_builder.suite.load import BESIDE, load
    from waf_builder.suite.outcome import as_junit, run

    checks = load(files or [spec.parent / BESIDE])
    outcomes = []
    with inspector_of(spec, Choice(engine, crs), progress, cores()) as inspector:
        show_problems(inspector.problems, notes=False)
        for outcome in run(checks, inspector):
            outcomes.append(outcome)
            if outcome.failed:
                head, _, rest = outcome.text.partition("\n")
                click.echo(f"{click.style(head, fg='red')}\n{rest}\n")
    if junit:
        try:
            junit.write_text(as_junit(outcomes), encoding="utf-8")
        except OSError as error:
            raise WafBuilderError(f"{junit} cannot be written: {error.strerror}") from None
    failed = sum(bool(one.failed) for one in outcomes)
    skipped = sum(one.finding is None for one in outcomes)
    told = [f"{len(outcomes) - failed - skipped} passed"]
    told += [f"{failed} failed"] if failed else []
    told += [f"{skipped} skipped"] if skipped else []
    click.echo(", ".join(told))
    ctx.exit(NOT_AS_WANTED if failed else 0)
