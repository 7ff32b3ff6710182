"""Files of tests, in either form, as one list of checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from waf_builder.inspect.raw import from_wire
from waf_builder.inspect.request import RequestError
from waf_builder.problem import Place
from waf_builder.suite import short
from waf_builder.suite.document import Document, SuiteError, read_document
from waf_builder.suite.ftw import Case, cases
from waf_builder.suite.model import Check
from waf_builder.suite.wire import encode

BESIDE = "tests/waf"
"""Where tests are looked for, beside the spec, when no file is named."""
_KNOWN = frozenset({*short.LISTS, "tests"})
_SUFFIXES = (".yaml", ".yml")


def load(paths: Iterable[Path]) -> list[Check]:
    """Return the tests of files, and of all YAML files below folders; SuiteError without any."""
    given = list(paths)
    found = [check for path in given for file in _files(path) for check in _checks(file)]
    if not found:
        raise SuiteError(
            f"there are no tests in {', '.join(map(str, given))}\n"
            "    A file of tests has `pass:` and `block:`, or the Core Rule Set project's `tests:`."
        )
    return found


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
    if not path.exists():
        raise SuiteError(
            f"there is no {path}\n"
            "    Tests stand in tests/waf/ beside the spec, or in files that are named after it."
        )
    return [path]


def _checks(file: Path) -> Iterator[Check]:
    document = read_document(file)
    if document.data and not _KNOWN & document.data.keys():
        raise SuiteError(f"{file}: it has neither `pass`, `block` nor `tests`")
    if "tests" not in document.data and (unknown := set(document.data) - _KNOWN):
        raise SuiteError(f"{file}: unknown keys: {', '.join(sorted(map(str, unknown)))}")
    yield from short.checks(document)
    for case in cases(document, {}):
        yield from _stages(case, document)


def _stages(case: Case, document: Document) -> Iterator[Check]:
    place = case.place or Place(document.file)
    for number, stage in enumerate(case.stages, 1):
        name = case.id if len(case.stages) == 1 else f"{case.id}, stage {number}"
        skipped = case.skipped
        if stage.input.redirected or stage.output.response:
            skipped = skipped or "it needs the answer of a backend"
        request = None
        try:
            request = from_wire(encode(stage.input), name)
        except RequestError as error:
            what = str(error).splitlines()[0].removeprefix(f"{name}:")
            skipped = skipped or f"no client of HTTP could send it: line {what}"
        yield Check(name, place, request, stage.output, skipped=skipped)
