"""A YAML file of tests, with the line of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from waf_builder.errors import WafBuilderError
from waf_builder.problem import Place

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    """Return what stands in a file; an empty one has nothing. SuiteError names file and line."""
    try:
        loader = _LOADER(file.read_bytes())
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node else {}
        finally:
            loader.dispose()
    except OSError as error:
        raise SuiteError(f"{file} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise SuiteError(f"{file} is nested too deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise SuiteError(f"{file}{at}: this is no YAML: {what}") from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise SuiteError(f"{file}: expected a mapping with `pass`, `block` or `tests`")
    return Document(str(file), data, _lines(node) if data else {})


def _lines(node: Any) -> dict[str, list[int]]:
    return {
        str(key.value): [one.start_mark.line + 1 for one in value.value]
        for key, value in node.value
        if isinstance(value, yaml.SequenceNode)
    }
