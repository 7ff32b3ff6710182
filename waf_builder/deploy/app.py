"""Which file of an app is its spec, and which app only means to have one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from waf_builder.deploy.model import DeployError

NAMES = ("backend.yaml", "waf.yaml")
"""The spec's names, in an app's own folder."""

_MISSPELT = re.compile(r"(backends?|waf|waf[-_]?builder)\.(ya?ml|json)(\.(txt|example))?")
_LIKENESS = 0.73
"""From here on a name may be a slip of the pen: `backend`, `bakcend.yaml`, `backend.yml.orig`."""

_WITH_A_SPEC = ("waf.lock", "waf/rules/**/*.conf", "waf/templates/**/*.j2")
_OURS = re.compile(r"^(backends?|routes):", re.MULTILINE)
_LOOK_INTO = 65536
"""Bytes; a spec says what it is near its beginning."""


def wants_waf(app: Path) -> bool:
    """Return whether an app has a spec, or something that shows that it should have one."""
    return any((app / name).is_file() for name in NAMES) or any(_clues(app))


def find_spec(app: Path) -> str:
    """Return the name of the app's spec; DeployError explains why there is none."""
    found = [name for name in NAMES if (app / name).is_file()]
    if len(found) > 1:
        raise DeployError(
            f"The app has two specs: {' and '.join(found)}.\n\n"
            "Both are names for the one file that says which backend to protect, so it is not\n"
            "clear which one holds. Remove one of them, or give it another name."
        )
    if found:
        return found[0]
    clues = list(_clues(app))
    if clues:
        meant = "\n".join(f"  - {clue}" for clue in clues)
        raise DeployError(f"No 'backend.yaml' in the root of your app.\n\n{meant}\n\n{_WAY_OUT}")
    raise DeployError(f"No 'backend.yaml' in the root of your app.\n\n{_WAY_OUT}")


_WAY_OUT = """\
It tells waf-builder which backend to protect. The smallest one is:

  backend:
    process: myappbackend        # the backend's process type
    port: 3000                   # the port it listens on
    app_id: ap-...               # the backend's application ID
    network_id: pn-...           # the private network's ID

Commit it as 'backend.yaml', and deploy again. `waf-builder init` writes one for you."""


def _clues(app: Path) -> Iterator[str]:
    """Yield what shows that the app is meant for us, and how to make it so."""
    yield from _no_files(app)
    for entry in _files(app):
        if entry.name not in NAMES and _is_misspelt(entry):
            yield f"There is '{entry.name}': rename it to 'backend.yaml'."
    for folder in _folders(app):
        for entry in _files(folder):
            if entry.name in NAMES and _is_ours(entry):
                where = f"{folder.name}/{entry.name}"
                yield f"There is '{where}': move it to the root, or set PROJECT_DIR."
    for pattern in _WITH_A_SPEC:
        for entry in sorted(app.glob(pattern))[:1]:
            yield f"There is '{entry.relative_to(app)}', which goes with a spec."


def _no_files(app: Path) -> Iterator[str]:
    """Yield what has the name of a spec without being a file."""
    for name in NAMES:
        if (app / name).is_dir():
            yield f"There is a folder '{name}': it has to be a file."
        elif (app / name).is_symlink() and not (app / name).exists():
            yield f"There is '{name}', a link to nothing: commit what it should link to."


def _is_misspelt(file: Path) -> bool:
    """Return whether a file was meant as the spec, by its name and, in doubt, its text."""
    name = file.name.lower()
    return bool(_MISSPELT.fullmatch(name)) or (
        bool(difflib.get_close_matches(name, NAMES, cutoff=_LIKENESS)) and _is_ours(file)
    )


def _files(folder: Path) -> list[Path]:
    try:
        return [entry for entry in sorted(folder.iterdir()) if entry.is_file()]
    except OSError:
        return []


def _folders(app: Path) -> list[Path]:
    try:
        return [
            entry
            for entry in sorted(app.iterdir())
            if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")
        ]
    except OSError:
        return []


def _is_ours(file: Path) -> bool:
    """Return whether a file looks like a spec: others use its name as well."""
    try:
        with file.open("rb") as stream:
            start = stream.read(_LOOK_INTO)
    except OSError:
        return False
    return _OURS.search(start.decode("utf-8", errors="replace")) is not None
