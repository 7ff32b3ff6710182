"""The YAML that the corpus is written in: JSON's values, and tags for what nobody types."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import yaml

_SIGNATURES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "gif": b"GIF89a\x20\x00\x20\x00",
    "webp": b"RIFF\x24\x10\x00\x00WEBPVP8 ",
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "zip": b"PK\x03\x04\x14\x00\x06\x00",
    "webm": b"\x1aE\xdf\xa3",
}
"""How files of a kind begin; office documents are zip."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Knows no dates, no `no` and no `010`: what has no quotes and is not JSON's is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own form


for _tag, _pattern, _first in (
    ("null", "null", "n"),
    ("bool", "true|false", "tf"),
    ("int", "-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first)
    )


def file_of(kind: str, size: int) -> bytes:
    """Return so many bytes that begin like a file of this kind, always the same ones."""
    noise = b"".join(
        hashlib.sha256(f"{kind} {block}".encode()).digest() for block in range(size // 32 + 1)
    )
    return (_SIGNATURES[kind] + noise)[:size]


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"{node.start_mark}: {twice} stands twice")
    return loader.construct_mapping(node, deep=True)


def _base64(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)
    return base64.b64encode(node.value.encode()).decode()


def _file(loader: yaml.SafeLoader, suffix: str, node: yaml.ScalarNode) -> bytes:
    return file_of(suffix, int(node.value))


def _data_url(loader: yaml.SafeLoader, suffix: str, node: yaml.ScalarNode) -> str:
    return f"data:image/{suffix};base64," + base64.b64encode(_file(loader, suffix, node)).decode()


def _file_base64(loader: yaml.SafeLoader, suffix: str, node: yaml.ScalarNode) -> str:
    return base64.b64encode(_file(loader, suffix, node)).decode()


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("!base64", _base64)
_Loader.add_multi_constructor("!file-base64:", _file_base64)
_Loader.add_multi_constructor("!file:", _file)
_Loader.add_multi_constructor("!data-url:", _data_url)


def read(file: Path) -> Any:
    """Return what a file of the corpus holds; ValueError for a key that stands twice."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
