"""`waf-builder replay`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from waf_builder.cli.options import format_option, judge_options, spec_argument
from waf_builder.cli.status import NOT_AS_WANTED

if TYPE_CHECKING:
    from waf_builder.inspect.files import Advance


@click.command()
@spec_argument
@click.argument("files", metavar="HAR|LOG...", nargs=-1, required=True)
@format_option("the outcome is")
@click.option(
    "--host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="Only requests to this host: a HAR holds those to others, too. May be repeated.",
)
@judge_options
@click.pass_context
def replay(
    ctx: click.Context,
    spec: Path,
    files: tuple[str, ...],
    form: str,
    hosts: tuple[str, ...],
    engine: str | None,
    crs: str | None,
) -> None:
    """Put past traffic to a spec, and say what would change.

    HAR|LOG is a HAR file, or lines of the WAF's access log, audit log, or both; a file may be
    packed with gzip, and `-` is standard input. No backend is asked. Exit status: 0 nothing would
    newly be refused, 3 something would, 1 a problem.

    \b
    Example: waf-builder replay backend.yaml yesterday.log.gz
    """
    from waf_builder.choice import Choice
    from waf_builder.cli.output import print_json, progress, show_problems
    from waf_builder.inspect.files import require_files
    from waf_builder.inspect.request import RequestError
    from waf_builder.judges import inspector_of
    from waf_builder.replay.read import of_hosts, traffic
    from waf_builder.replay.replay import replay as run
    from waf_builder.replay.report import text
    from waf_builder.replay.seen import Skipped
    from waf_builder.run.workers import cores

    require_files(files)
    skipped = Skipped()
    with inspector_of(spec, Choice(engine, crs), progress, cores()) as inspector:
        show_problems(inspector.problems, notes=False)
        with _bar(files) as advance:
            seen = of_hosts(traffic(files, skipped, advance), hosts, skipped)
            outcome = run(inspector, seen, skipped)
    if not outcome.requests:
        raise RequestError(skipped.nothing())
    if form == "json":
        print_json(outcome.as_json())
    else:
        click.echo(text(outcome))
    ctx.exit(NOT_AS_WANTED if outcome.found["refused"] else 0)


@contextmanager
def _bar(files: tuple[str, ...]) -> Iterator[Advance]:
    """Yield what moves a bar on stderr; where nobody watches, or nobody knows the end, none is."""
    from waf_builder.inspect.files import size

    total = size(files)
    if not sys.stderr.isatty() or not total:
        yield lambda _count: None
        return
    with click.progressbar(length=total, label="replay", file=sys.stderr) as bar:
        yield bar.update
