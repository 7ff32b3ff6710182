"""What came of tests, and as which text and XML it is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from waf_builder.inspect import shown
from waf_builder.inspect.report import WIDTH, Finding, text
from waf_builder.inspect.secret import Secrets
from waf_builder.suite.model import PASS, Check
from waf_builder.suite.verdict import Observed, judge, record_of

if TYPE_CHECKING:
    from waf_builder.inspect.inspector import Inspector

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Outcome:
    """One check, and why it failed; empty when it passed. finding: None where it was skipped."""

    check: Check
    failed: str
    finding: Finding | None

    @property
    def name(self) -> str:
        """What the check is called."""
        return shown.words(self.check.name)

    @property
    def text(self) -> str:
        """What a person reads of a check that failed, with what the WAF said."""
        if self.finding is None:
            return f"{self.check.place}: {self.name}: skipped: {self.check.skipped}"
        told = text(self.finding, width=WIDTH - 2)
        answer = "\n".join(f"  {line}".rstrip() for line in told.splitlines())
        return f"{self.check.place}: {self.name}: {self.failed}\n{answer}"


def run(checks: Sequence[Check], inspector: Inspector) -> Iterator[Outcome]:
    """Yield what comes of each check, in order."""
    asked = [check.request for check in checks if check.request and not check.skipped]
    findings = inspector.findings(asked)
    for check in checks:
        if check.skipped or not check.request:
            yield Outcome(check, "", None)
        else:
            finding = next(findings)
            yield Outcome(check, _why(check, finding), finding)


def _why(check: Check, finding: Finding) -> str:
    answer = finding.answer
    if answer.note:
        return f"no answer: {answer.note}"
    got = Observed(answer.status or None, error="the connection was closed")
    reasons = [judge(check.wanted, got, [record_of(answer.record)])]
    if check.verdicts and answer.verdict not in check.verdicts:
        wanted = "pass" if check.verdicts == PASS else "be blocked"
        reasons.insert(0, f"it should {wanted}")
    return Secrets(answer.request).hide("; ".join(filter(None, reasons)))


def as_junit(outcomes: Iterable[Outcome]) -> str:
    """Return JUnit's XML: a suite a file, a test case a check.

    https://github.com/testmoapp/junitxml describes what programs read of it.
    """
    root = ET.Element("testsuites")
    suites: dict[str, list[Outcome]] = {}
    for one in outcomes:
        suites.setdefault(one.check.place.file, []).append(one)
    for file, found in suites.items():
        counts = {
            "tests": len(found),
            "failures": sum(bool(one.failed) for one in found),
            "skipped": sum(one.finding is None for one in found),
        }
        suite = ET.SubElement(root, "testsuite", name=file)
        for name, count in counts.items():
            suite.set(name, str(count))
        for one in found:
            _test_case(suite, one)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _test_case(suite: ET.Element, one: Outcome) -> None:
    place = one.check.place
    case = ET.SubElement(
        suite,
        "testcase",
        name=one.name,
        classname=place.file,
        file=place.file,
        line=str(place.line),
    )
    if one.failed:
        failure = ET.SubElement(case, "failure", message=_NO_XML.sub("?", one.failed))
        failure.text = _NO_XML.sub("?", one.text)
    elif one.finding is None:
        ET.SubElement(case, "skipped", message=_NO_XML.sub("?", one.check.skipped))
