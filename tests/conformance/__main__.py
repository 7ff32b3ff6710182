"""`make conformance`: the Core Rule Set project's regression tests against a rendered WAF."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from support import engines

from conformance.explained import Report, compare, reasons
from conformance.run import booted, run
from waf_builder.engine.find import find
from waf_builder.engine.model import Engine
from waf_builder.errors import WafBuilderError
from waf_builder.suite.ftw import SuiteError, load


def main() -> int:
    """Run the tests of a folder and return 0 if every failure is explained, 1 if not."""
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("tests", type=Path, help="a folder of tests, as tests/regression/tests")
    parser.add_argument("--engine", default="old", help="old, new, system, apt or a folder")
    parser.add_argument("--crs", default="", help="a folder with rules; the engine's own if not")
    asked = parser.parse_args()
    try:
        cases = load(asked.tests)
        engine = _engine(asked.engine, asked.crs)
    except (SuiteError, WafBuilderError) as error:
        parser.error(str(error))
    assert engine.crs
    _say(
        f"{len(cases)} tests, CRS {engine.crs.version}, nginx {engine.nginx_version},"
        f" libmodsecurity {engine.modsecurity_version}"
    )
    with booted(engine) as waf:
        report = compare(run(cases, waf), reasons(engine))
    _show(report)
    return 0 if report.as_expected else 1


def _engine(name: str, crs: str) -> Engine:
    known = {"old": engines.old, "new": engines.new}
    if name not in known:
        return find(name, crs or None, _say)
    engine = known[name](_say)
    return find(str(engine.root), crs) if crs else engine


def _show(report: Report) -> None:
    explained = sum(map(len, report.explained.values()))
    _say(
        f"{len(report.passed)} passed, {report.failed} failed ({explained} explained),"
        f" {len(report.skipped)} skipped"
    )
    for why, tests in report.explained.items():
        _say(f"\n{why}")
        _say(textwrap.fill(" ".join(tests), 100, initial_indent="  ", subsequent_indent="  "))
    if report.unexplained:
        _say("\nFailed, and nothing explains it:")
        _say("\n".join(f"  {one.id}: {one.failed}" for one in report.unexplained))
    if report.stale:
        _say("\nPassed, although explained/ says that they fail:")
        _say(textwrap.fill(" ".join(report.stale), 100, initial_indent="  "))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
