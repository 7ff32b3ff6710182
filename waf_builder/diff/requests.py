"""The requests to ask both: what `inspect` reads, and the tests of `test`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from waf_builder.inspect.read import read
from waf_builder.inspect.request import HttpRequest
from waf_builder.suite.load import load

_TESTS = (".yaml", ".yml")


def requests_in(given: Iterable[str]) -> Iterator[HttpRequest]:
    """Yield the requests of each: a folder, or a YAML file, holds tests; a test without one none.

    WafBuilderError says what cannot be read, and where.
    """
    for one in given:
        path = Path(one)
        if path.suffix in _TESTS or _is_folder(path):
            for check in load([path]):
                if check.request:
                    yield replace(check.request, name=check.name)
        else:
            yield from read(one)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long for a name, or with a byte that none has
        return False
