"""Keeps what inspections need between runs, by everything that it is made from.

A render takes more than a second, and a spec is asked again and again while it is written. What is
kept is never trusted: anything that is damaged, or made by other code, from another spec or for
another engine counts as none, and a cache that cannot be written is no error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import waf_builder
from waf_builder import sealed
from waf_builder.choice import Choice
from waf_builder.inspect.prepared import Prepared, prepared_from
from waf_builder.paths import builtin_templates

_KEPT = 16
"""Specs that stay, each some 500 KB."""
_VARIABLE = re.compile(rb"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_SETTINGS = ("WAF_BUILDER_ENGINE", "WAF_BUILDER_CRS", "STACK", "PATH", "WAF_BUILDER_CACHE")
_MAX_BYTES = 8 * 1024**2
"""Of files beside a spec: with more of them, nothing is kept."""


def key_of(file: Path, choice: Choice) -> str | None:
    """Return what the spec in file is kept under; None where it cannot be.

    The day counts, too: a spec may say until when something holds.
    """
    digest = hashlib.sha256()
    size = 0
    try:
        for path in (file, *_files(file.parent / "waf")):
            data = path.read_bytes()
            size += len(data)
            if size > _MAX_BYTES:
                return None
            digest.update(f"{path.absolute()}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
            digest.update(data)
        variables = {name.decode() for name in _VARIABLE.findall(file.read_bytes())}
    except OSError:
        return None
    known = {name: os.environ.get(name) for name in sorted(variables.union(_SETTINGS))}
    code = [_state(path) for path in _code()]
    today = datetime.now(timezone.utc).date().isoformat()
    network = os.environ.get("SCALINGO_PRIVATE_NETWORK_ID")
    facts = [waf_builder.__version__, choice.engine, choice.crs, known, network, code, today]
    digest.update(json.dumps(facts).encode())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _code() -> list[Path]:
    """Return the files of this program."""
    package = Path(waf_builder.__file__).parent
    return sorted([*package.rglob("*.py"), *builtin_templates().rglob("*.j2")])


def _state(path: Path) -> tuple[str, int, int]:
    """Return what of a file changes when it does; it may be missing."""
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_size, found.st_mtime_ns


def _states(paths: Iterable[Path]) -> list[list[object]]:
    return [list(_state(path)) for path in paths]


def load(folder: Path, key: str) -> Prepared | None:
    """Return what is kept under a key; None when there is nothing that can be used."""
    data = sealed.read(_file(folder, key), key)
    if data is None:
        return None
    try:
        kept = json.loads(data)
        prepared = prepared_from(kept["prepared"])
        return prepared if kept["states"] == _states(prepared.depends_on) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def save(folder: Path, key: str, prepared: Prepared) -> None:
    """Keep what was prepared under a key, whole or not at all."""
    kept = {"prepared": prepared.as_json(), "states": _states(prepared.depends_on)}
    data = json.dumps(kept, separators=(",", ":")).encode()
    sealed.write(_file(folder, key), key, data, most=_KEPT)


def _file(folder: Path, key: str) -> Path:
    return folder / "inspect" / f"{key}.json"
