"""The files of one plugin, as its folder has them.

The layout is the Core Rule Set's own: `plugins/NAME-config.conf`, `NAME-before.conf` and
`NAME-after.conf`, with `.data` files beside them.
https://coreruleset.org/docs/4-about-plugins/4-1-plugins/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from waf_builder.problem import Place, Problem
from waf_builder.userfile import read_user_text

KINDS = (".conf", ".data", ".lua")
PHASES = ("config", "before", "after")
"""When a plugin's files are loaded, in this order; the rule set's rules come before the last."""

INNER = "plugins"
"""The folder that holds the files, in a plugin's archive."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACEHOLDER = re.compile(r"empty-(?:config|before|after)\.conf")


@dataclass(frozen=True)
class PluginFiles:
    """texts: a file's name -> its text. sources: the same name -> where it is."""

    texts: Mapping[str, str]
    sources: Mapping[str, Path]

    def of_phase(self, phase: str) -> list[str]:
        """Return the rule files of a phase, in the order of their names."""
        return sorted(name for name in self.texts if name.endswith(f"-{phase}.conf"))

    @property
    def digest(self) -> str:
        """The SHA-256 of a list as sha256sum prints it, a line `<hex>  <name>` for each file.

        In a shell, in the folder that holds them: `sha256sum *.conf *.data | sha256sum`, with the
        names in the order of their bytes. An archive's own digest would not do: forges make
        theirs anew from time to time, with other bytes around the same files.
        """
        lines = (
            f"{hashlib.sha256(self.texts[name].encode()).hexdigest()}  {name}\n"
            for name in sorted(self.texts, key=str.encode)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_plugin(folder: Path, name: str = "") -> tuple[PluginFiles, list[Problem]]:
    """Return the plugin in folder, or in the `plugins/` in it, and what is wrong with its files.

    name: how its files' names begin, where the folder holds several plugins; data files can have
    any name, so all of them go along.
    WafBuilderError when a file cannot be read.
    """
    inner = folder / INNER if (folder / INNER).is_dir() else folder
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    found = {path.name: path for path in _files(inner, name)}
    for file, path in found.items():
        if (problem := _unusable(path)) is not None:
            problems.append(problem)
            continue
        try:
            texts[file] = read_user_text(path)
        except UnicodeDecodeError:
            problems.append(
                Problem("plugin.not-text", "this file of a plugin is not UTF-8", Place(str(path)))
            )
    if not any(file.endswith(".conf") for file in found):
        names = ", ".join(f"NAME-{phase}.conf" for phase in PHASES)
        problems.append(
            Problem("plugin.empty", f"no plugin is here, expected {names}", Place(str(inner)))
        )
    return PluginFiles(texts, {file: found[file] for file in texts}), problems


def _files(folder: Path, plugin: str) -> Iterable[Path]:
    """Return the files that could matter: read-me files and licences do not."""
    begins = (f"{plugin}-", f"{plugin}.") if plugin else ""
    return sorted(
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.suffix in KINDS
        and (path.suffix == ".data" or path.name.startswith(begins))
        and not _PLACEHOLDER.fullmatch(path.name)
    )


def _unusable(path: Path) -> Problem | None:
    if path.suffix == ".lua":
        return Problem(
            "plugin.lua",
            f"{path.name} is a program in Lua, which waf-builder does not run",
            Place(str(path)),
            "Not every libmodsecurity can, and its time cannot be bounded. Take another plugin.",
        )
    if not _NAME.fullmatch(path.name):
        return Problem(
            "plugin.file-name",
            f"{path.name!r} cannot be the name of a plugin's file",
            Place(str(path)),
            "Names have letters, digits, dots, hyphens and underscores.",
        )
    if path.suffix == ".conf" and not path.stem.endswith(tuple(f"-{one}" for one in PHASES)):
        return Problem(
            "plugin.stray-file",
            f"{path.name} is loaded by nothing",
            Place(str(path)),
            "A plugin's rules stand in NAME-config.conf, NAME-before.conf and NAME-after.conf.",
        )
    return None
