"""Keeps rule indexes between runs, by the content of the rules they were made from.

What is kept is never trusted: a file of another format, of other rules, or damaged in any way
counts as none, and a cache that cannot be written is no error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from waf_builder import __version__, sealed
from waf_builder.crs.rules import IndexedRule, Link

FORMAT = 2
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
    data = sealed.read(_file(folder, key), key)
    if data is None:
        return None
    try:
        return [_rule(item) for item in json.loads(data)]
    except (ValueError, TypeError):
        return None


def save(folder: Path, key: str, rules: Iterable[IndexedRule]) -> None:
    """Keep rules under a key, whole or not at all."""
    data = json.dumps(list(rules), ensure_ascii=True, separators=(",", ":")).encode()
    sealed.write(_file(folder, key), key, data, most=_KEPT)


def _file(folder: Path, key: str) -> Path:
    return folder / "rules" / f"{key[:32]}.json"


def _rule(item: list[Any]) -> IndexedRule:
    rule, links = IndexedRule._make(item), item[-1]
    made = tuple(Link._make((*link[:-1], tuple(link[-1]))) for link in links)
    return rule._replace(tags=tuple(rule.tags), links=made)
