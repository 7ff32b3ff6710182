"""A YAML file of tests, with the line of each.

Our own form is read as strictly as a spec: a key that stands twice, `010` and `on` are errors. The
Core Rule Set project's form is read as its own runner reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import Place
from waf_builder.spec.yaml import read
from waf_builder.userfile import read_bounded

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INDENT = re.compile(r"(?:(?:---|[ \t]*#).*\n|[ \t]*\n)*([ \t]*)")
_KEY = re.compile(r"([ \t]*)[\"']?(pass|block|tests)[\"']?[ \t]*:")


class SuiteError(WafBuilderError):
    """A test that cannot be read: the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Document:
    """What stands in a file. lines: of the entries of each list at the top, from 1."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[str, Sequence[int]]

    def place(self, key: str, index: int) -> Place:
        """Return where an entry of a list at the top stands."""
        return Place(self.file, self.lines[key][index])


def read_document(file: Path) -> Document:
    """Return what stands in a file; an empty one has nothing.

    SuiteError names file and line, and so does ProblemsError for all that is not read strictly;
    WafBuilderError for a file that is far too long.
    """
    try:
        text = read_bounded(file, "tests need").decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise SuiteError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SuiteError(f"{file}:{line}: this is no UTF-8; save the file as UTF-8") from None
    if _is_theirs(text):
        return _theirs(text, file)
    found = read(text, str(file))
    if found.problems:
        raise ProblemsError(found.problems)
    data = _mapping(found.data, file)
    return Document(
        str(file),
        data,
        {
            key: [found.place((key, index)).line for index in range(len(value))]
            for key, value in data.items()
            if isinstance(value, list)
        },
    )


def _is_theirs(text: str) -> bool:
    """Return whether `tests` stands at the top of a file, and nothing of our own form."""
    top = _INDENT.match(text)
    found = (_KEY.match(line) for line in text.splitlines())
    return {one[2] for one in found if one and top and one[1] == top[1]} == {"tests"}


def _theirs(text: str, file: Path) -> Document:
    try:
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        raise SuiteError(f"{file} is nested too deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise SuiteError(f"{file}{at}: this is no YAML: {what}") from None
    except ValueError as error:  # such as the 32nd of a month
        raise SuiteError(f"{file}: a value cannot be read: {error}") from None
    return Document(str(file), _mapping(data, file), _lines(node))


def _mapping(data: Any, file: Path) -> Mapping[str, Any]:
    if data is not None and not isinstance(data, dict):
        raise SuiteError(f"{file}: expected a mapping with `pass`, `block` or `tests`")
    return data or {}


def _lines(node: Any) -> dict[str, list[int]]:
    return {
        str(key.value): [one.start_mark.line + 1 for one in value.value]
        for key, value in (node.value if isinstance(node, yaml.MappingNode) else ())
        if isinstance(value, yaml.SequenceNode)
    }
