"""Keeps rule indexes between runs, by the content of the rules they were made from.

What is kept is never trusted: a file of another format, of other rules, or damaged in any way
counts as none, and a cache that cannot be written is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from waf_builder import __version__
from waf_builder.crs.rules import IndexedRule, Link

FORMAT = 1
"""Raised when a field of the index changes its meaning; a release of the package counts, too."""
_KEPT = 8
"""Indexes that stay: a machine has few rule sets, and each is some 400 KB."""


def key_of(contents: Mapping[str, bytes]) -> str:
    """Return what an index of these files is kept under."""
    digest = hashlib.sha256(f"{FORMAT} {__version__}".encode())
    for name, data in contents.items():
        digest.update(f"\0{name}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    return digest.hexdigest()


def load(folder: Path, key: str) -> list[IndexedRule] | None:
    """Return the rules that are kept under a key; None when there are none that can be used."""
    try:
        seal, _, data = _file(folder, key).read_bytes().partition(b"\n")
        if seal.decode("ascii") != _seal(key, data):
            return None
        return [_rule(item) for item in json.loads(data)]
    except (OSError, ValueError, TypeError):
        return None


def save(folder: Path, key: str, rules: Iterable[IndexedRule]) -> None:
    """Keep rules under a key, whole or not at all."""
    data = json.dumps(list(rules), ensure_ascii=True, separators=(",", ":")).encode()
    file = _file(folder, key)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".index-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_seal(key, data).encode("ascii") + b"\n" + data)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _tidy(file.parent)


def _file(folder: Path, key: str) -> Path:
    return folder / "rules" / f"{key[:32]}.json"


def _seal(key: str, data: bytes) -> str:
    """Return the first line of a file: of which rules it is, and the digest of what follows."""
    return f"waf-builder rule index {key} {hashlib.sha256(data).hexdigest()}"


def _rule(item: list[Any]) -> IndexedRule:
    rule, links = IndexedRule._make(item), item[-1]
    made = tuple(Link._make((*link[:-1], tuple(link[-1]))) for link in links)
    return rule._replace(tags=tuple(rule.tags), links=made)


def _tidy(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        file.unlink(missing_ok=True)
