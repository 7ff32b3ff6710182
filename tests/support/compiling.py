"""Each rule set is compiled once for each policy in a run of the tests, not in each of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
from typing import TYPE_CHECKING

from waf_builder.crs import compile as compiler

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import pytest

    from waf_builder.crs.compile import Compiled
    from waf_builder.crs.installed import InstalledCrs
    from waf_builder.problem import Problem

_LOADS = re.compile(r"\bmodsecurity_rules\w*\s+[^;]*;")


def remember(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let what is rendered in this process take compiled rules from a folder, or leave them there.

    The processes of a run share the folder. What a command or a deploy compiles in a process of
    its own is not kept, and neither is what the tests of the compiler ask it for themselves.
    """
    compile_rules = compiler.compile_rules

    def remembered(
        crs: InstalledCrs,
        tree: Mapping[str, str],
        rule_set: str,
        names: Collection[str] = tuple(compiler.PASSES),
    ) -> Compiled | Problem:
        given = (str(crs.version), rule_set, tuple(names), _rules(crs.rules), _read(tree))
        kept = folder / hashlib.sha256(repr(given).encode()).hexdigest()
        with contextlib.suppress(FileNotFoundError):
            return pickle.loads(kept.read_bytes())  # noqa: S301  this run has written it
        made = compile_rules(crs, tree, rule_set, names)
        new = folder / f"{kept.name}.{os.getpid()}"
        new.write_bytes(pickle.dumps(made))
        new.rename(kept)
        return made

    patch.setattr(compiler, "compile_rules", remembered)


def _rules(folder: Path) -> list[tuple[str, int, int]]:
    """Return what shows whether a file of the rule set is still the same."""
    found = ((file, file.stat()) for file in sorted(folder.iterdir()))
    return [(str(file), state.st_mtime_ns, state.st_size) for file, state in found]


def _read(tree: Mapping[str, str]) -> list[tuple[str, object]]:
    """Return what the compiler reads of a tree."""
    return [
        (name, text if name.startswith(("modsecurity/", "boot/")) else _LOADS.findall(text))
        for name, text in sorted(tree.items())
        if name.endswith(".conf")
    ]
