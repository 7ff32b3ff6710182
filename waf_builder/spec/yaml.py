"""A strict YAML reader that remembers where everything stood.

PyYAML reads YAML 1.1: of two equal keys the last wins, `010` is 8, `10:30` is 630 and `no` is
false. Each of these is an error here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from waf_builder.problem import Place, Problem
from waf_builder.spec.yamlsyntax import way_out

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings and indexes of lists."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORD = re.compile(r"[\w-]+")
_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_BOOL_LIKE = re.compile(r"(yes|no|on|y|n)", re.IGNORECASE)
_OTHER_CASE = re.compile(r"(true|false|off|null)", re.IGNORECASE)
_NUMBER_LIKE = re.compile(
    r"[-+]?(0[0-9_]+|0x[0-9a-f_]+|0b[01_]+|0o[0-7]+|[0-9][0-9_]*_[0-9_]*|[0-9]+(:[0-5]?[0-9])+"
    r"|[0-9.]+e[-+]?[0-9]+|\+[0-9.]+|\.inf|\.nan)",
    re.IGNORECASE,
)
_PLAIN = (None, "")
"""The style of a scalar without quotes, in PyYAML's own reader and in libyaml's."""
_RESOLVER = yaml.resolver.Resolver()
_MAX_DEPTH = 100
"""A spec is five levels deep. libyaml builds nodes by recursion in C: some 20,000 levels would
overflow its stack and end the process."""


def scalar(text: str) -> str:
    """Return text as YAML that reads it as this very text, in quotes only where they are needed."""
    plain = re.fullmatch(r"[A-Za-z/][A-Za-z0-9._/-]*(?::[A-Za-z0-9._/-]+)*", text)
    if plain and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)


def dotted(path: Path) -> str:
    """Return path as people write it: `routes[1].waf.mode`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if _WORD.fullmatch(part) else repr(part)
            text += f".{word}" if text else word
    return text or "the spec"


@dataclass
class Document:
    """The data of a YAML file, the place of each key and value, and what was wrong."""

    file: str
    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Path] = field(default_factory=set)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return where path stands, or the nearest thing around it that the file has."""
        for end in range(len(path), -1, -1):
            found = self.keys.get(path[:end]) if key else None
            found = found or self.values.get(path[:end]) or self.keys.get(path[:end])
            if found:
                return found
        return Place(self.file, 1, 1)


def read(text: str, file: str) -> Document:
    """Return the document in text; what is wrong with it is in `problems`, all at once."""
    document = Document(file)
    try:
        document.problems += _at_once(text, file)
        if document.problems and document.problems[-1].code == "yaml.syntax":
            return document
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(error, text, file))
    except (yaml.YAMLError, ValueError) as error:
        what = str(error).splitlines()[0]
        document.problems.append(Problem("yaml.syntax", f"not YAML: {what}", Place(file, 1, 1)))
    else:
        if node is not None:
            document.data = _Reader(document).value(node, ())
    return document


def _at_once(text: str, file: str) -> Iterator[Problem]:
    """Yield what nodes no longer show: where an alias stood, and too deep a nesting, the last."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            message = f"an alias (*{event.anchor}) stands here, expected the value itself"
            hint = "Aliases are not supported: a spec is read by people, so write it out."
            yield Problem("yaml.alias", message, _at(file, event.start_mark), hint)
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                message = f"nested more than {_MAX_DEPTH} levels deep"
                yield Problem("yaml.syntax", message, _at(file, event.start_mark))
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    place = _at(file, error.problem_mark or error.context_mark)
    what = (error.problem or "it cannot be read").removeprefix("but ")
    return Problem("yaml.syntax", f"not YAML: {what}", place, way_out(error, text))


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.document.values[path] = self.place(node)
        if id(node) in self.seen:  # an alias, which has been reported
            self.document.unreadable.add(path)
            return None
        self.seen.add(id(node))
        if node.tag != _implicit_tag(node):
            return self.problem(
                "yaml.tag",
                node,
                path,
                f"the tag {_short_tag(node.tag)} is not supported",
                "Write the value alone; for text that looks like a number, put it in quotes.",
            )
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101  the third and last kind
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                a_variable = "A variable is written ${NAME}; { begins a mapping."
                hint = a_variable if isinstance(key_node, yaml.MappingNode) else ""
                self.problem("yaml.key", key_node, path, "a key must be a word", hint)
                continue
            if key == "<<":
                self.problem("yaml.alias", key_node, path, "merge keys (<<) are not supported")
                continue
            inner = (*path, key)
            if key in data:
                first = self.document.keys[inner]
                message = f"the key {key!r} stands twice"
                hint = f"The first is at line {first.line}. Keep one."
                place = self.place(key_node)
                self.document.problems.append(Problem("yaml.duplicate-key", message, place, hint))
                continue
            self.document.keys[inner] = self.place(key_node)
            data[key] = self.value(value_node, inner)
        return data

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.style not in _PLAIN:
            if "\x00" in text:
                return self.problem("yaml.text", node, path, "a zero byte stands in this text")
            return text
        if text in {"true", "false"}:
            return text == "true"
        if text in {"", "~", "null"}:
            return None
        if _INT.fullmatch(text):
            return self.integer(node, path, text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return self.word(node, path, text)

    def word(self, node: yaml.ScalarNode, path: Path, text: str) -> Any:
        if _BOOL_LIKE.fullmatch(text):
            return self.problem(
                "yaml.word",
                node,
                path,
                f"{text} is text to some YAML readers and true or false to others",
                f'Write true or false; for the word itself, put it in quotes: "{text}".',
            )
        if _OTHER_CASE.fullmatch(text) and text != "off":
            return self.problem("yaml.word", node, path, f"{text} is written {text.lower()}")
        if _NUMBER_LIKE.fullmatch(text):
            return self.problem(
                "yaml.number",
                node,
                path,
                f"{text} is read as different numbers by different YAML readers",
                f'Write a plain decimal number; for text, put it in quotes: "{text}".',
            )
        return text

    def integer(self, node: yaml.ScalarNode, path: Path, text: str) -> Any:
        limit = 15
        if len(text) > limit:
            return self.problem("yaml.number", node, path, f"{text[:20]}... is too large a number")
        return int(text)

    def place(self, node: yaml.Node) -> Place:
        return _at(self.document.file, node.start_mark)

    def problem(self, code: str, node: yaml.Node, path: Path, message: str, hint: str = "") -> None:
        self.document.unreadable.add(path)
        self.document.problems.append(Problem(code, message, self.place(node), hint))


def _at(file: str, mark: Any) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)


def _implicit_tag(node: yaml.Node) -> str:
    """Return the tag that node has unless the file gives it another."""
    plain = isinstance(node, yaml.ScalarNode) and node.style in _PLAIN
    # PyYAML's types leave this method out.
    tag: str = _RESOLVER.resolve(type(node), node.value, (plain, not plain))  # type: ignore[no-untyped-call]
    return tag


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
