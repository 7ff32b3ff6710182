"""What is compared: a spec, a lock or the folder of a rule set, told apart by what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from waf_builder.crs.installed import InstalledCrs, find_crs
from waf_builder.errors import WafBuilderError
from waf_builder.lock.model import FILE, Lock
from waf_builder.lock.read import read_lock
from waf_builder.spec.load import LoadedSpec, load

Kind = Literal["spec", "lock", "folder"]
_LOCK = re.compile(r"^lock:", re.MULTILINE)
_CALLED: dict[Kind, str] = {"spec": "a spec", "lock": "a lock", "folder": "a folder of rules"}


@dataclass(frozen=True)
class Side:
    """One of the two; of spec, lock and crs one is there."""

    file: Path
    kind: Kind
    spec: LoadedSpec | None = None
    lock: Lock | None = None
    crs: InstalledCrs | None = None


def sides(old: Path, new: Path) -> tuple[Side, Side]:
    """Return the two; WafBuilderError when one cannot be read or they are not of a kind."""
    kinds = kind_of(old), kind_of(new)
    if kinds[0] != kinds[1]:
        raise WafBuilderError(
            f"{old} is {_CALLED[kinds[0]]} and {new} is {_CALLED[kinds[1]]}\n"
            "    Give two specs, two locks, or two folders of a Core Rule Set."
        )
    return _side(old, kinds[0]), _side(new, kinds[1])


def kind_of(path: Path) -> Kind:
    """Return what a path holds, as far as that can be told without reading all of it."""
    if path.is_dir():
        return "folder"
    if path.name == FILE:
        return "lock"
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return "spec"  # whose reader says what is wrong
    return "lock" if _LOCK.search(text) else "spec"


def _side(path: Path, kind: Kind) -> Side:
    if kind == "folder":
        return Side(path, kind, crs=find_crs(path))
    if kind == "spec":
        return Side(path, kind, spec=load(path))
    lock = read_lock(path)
    if lock is None:
        raise WafBuilderError(f"there is no {path}")
    return Side(path, kind, lock=lock)
