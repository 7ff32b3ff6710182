"""From the plugins that a spec names to the files of the rendered tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from waf_builder.config.model import Locator, PluginRules, Target
from waf_builder.config.plugins import application, plugin_of
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.plugins import fetch
from waf_builder.plugins.files import INNER, PHASES, PluginFiles, read_plugin
from waf_builder.problem import Place, Problem
from waf_builder.progress import Progress, silent
from waf_builder.spec.model import Plugin
from waf_builder.spec.yaml import Path as Keys
from waf_builder.spec.yaml import dotted

FOLDER = "waf/plugins"
"""Beside the spec: where a plugin that is only named is looked for, by its name."""


@dataclass(frozen=True)
class Places:
    """Where plugins can be.

    beside: the folder of the spec. crs: that of the installed rule set, None if there is none.
    cache: where those of a URL are kept, and looked for. tree: a rendered tree that may have
    them, too. download: whether one that is nowhere may be got.
    """

    beside: Path
    crs: Path | None
    cache: Path
    tree: Path | None = None
    download: bool = True


@dataclass
class Found:
    """rules: path below the rendered tree -> text. sources: the same path -> where it is."""

    rules: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    plugins: PluginRules = field(default_factory=PluginRules)


def find_plugins(
    named: Sequence[Plugin],
    target: Target,
    places: Places,
    at: Locator = lambda _path: None,
    progress: Progress = silent,
) -> Found:
    """Return the files of the plugins that a spec names, in the order in which it names them.

    With a Core Rule Set 3.3 there are none: it has its exclusions built in. ProblemsError names
    each plugin that is not there, cannot be got or is not as it must be, and each folder that no
    plugin uses; WafBuilderError when a file cannot be read.
    """
    problems = list(_unused(named, places.beside / FOLDER))
    files: dict[str, PluginFiles] = {}
    for index, plugin in enumerate(named if target.has_crs_4 else ()):
        path = ("waf", "plugins", index)
        try:
            files[plugin.name] = _Search(plugin, path, places, at, progress).files()
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return _placed(files)


def _placed(files: dict[str, PluginFiles]) -> Found:
    found = Found()
    phases: dict[str, list[str]] = {phase: [] for phase in PHASES}
    for plugin, its in files.items():
        for phase in PHASES:
            phases[phase] += [f"plugins/{plugin}/{name}" for name in its.of_phase(phase)]
        for name, text in its.texts.items():
            inside = f"modsecurity/plugins/{plugin}/{name}"
            found.rules[inside], found.sources[inside] = text, its.sources[name]
    found.plugins = PluginRules(**{phase: tuple(names) for phase, names in phases.items()})
    return found


@dataclass(frozen=True)
class _Search:
    plugin: Plugin
    path: Keys
    places: Places
    at: Locator
    progress: Callable[[str], None]

    def files(self) -> PluginFiles:
        if self.plugin.url:
            return self.from_url(self.plugin.url)
        files, problems = self.in_a_folder()
        if problems:
            raise ProblemsError(problems)
        return files

    def in_a_folder(self) -> tuple[PluginFiles, list[Problem]]:
        if self.plugin.folder:
            folder = self.places.beside / self.plugin.folder
            if not folder.is_dir():
                where = f"{self.where}: there is no folder {self.plugin.folder!r} beside the spec"
                raise ProblemsError([Problem("plugin.no-folder", where, self.place("folder"))])
            return read_plugin(folder)
        for name in _names(self.plugin):
            if (folder := self.places.beside / FOLDER / name).is_dir():
                return read_plugin(folder)
        if self.places.crs and (inner := self.places.crs / INNER).is_dir():
            for name in _names(self.plugin):
                if any(inner.glob(f"{name}-*.conf")):
                    return read_plugin(inner, name)
        raise ProblemsError([self.missing()])

    def missing(self) -> Problem:
        name = self.plugin.name
        hint = f"Put it into {FOLDER}/{name}/, or give the entry a folder or a url."
        if known := application(name):
            source = f"https://github.com/coreruleset/{plugin_of(known)}-plugin"
            hint = (
                f"It is at {source}\n"
                f"Put its folder plugins/ into {FOLDER}/{name}/, or name one of its tags:\n"
                f"  - {{name: {name}, url: {source}/archive/refs/tags/TAG.tar.gz}}"
            )
        return Problem(
            "plugin.missing",
            f"{self.where} is neither in {FOLDER}/ nor part of the rule set",
            self.place(),
            hint,
        )

    def from_url(self, url: str) -> PluginFiles:
        wanted = self.plugin.sha256
        if wanted and (files := fetch.pinned(wanted, self.kept(wanted))) is not None:
            return files
        if not self.places.download:
            raise WafBuilderError(f"the plugin {self.plugin.name} is not here, only at {url}")
        try:
            files, problems = fetch.get(url, self.places.cache, self.progress)
        except WafBuilderError as error:
            raise ProblemsError([self.not_got(error)]) from error
        if not problems and files.digest != wanted:
            problems = [self.changed(files) if wanted else self.not_pinned(files)]
        if problems:
            raise ProblemsError(problems)
        return files

    def kept(self, sha256: str) -> Iterator[Path]:
        yield fetch.kept_in(self.places.cache, sha256)
        if self.places.tree:
            yield self.places.tree / "modsecurity" / INNER / self.plugin.name

    def not_got(self, error: WafBuilderError) -> Problem:
        why, _, hint = str(error).partition("\n")
        place = self.place("url")
        return Problem("plugin.not-got", f"{self.where}: {why}", place, hint.strip())

    def not_pinned(self, files: PluginFiles) -> Problem:
        return Problem(
            "plugin.no-pin",
            f"{self.where} has no sha256, so nobody would notice if it changed at its source",
            self.place("url"),
            f"Look at what it holds, and write: sha256: {files.digest}",
        )

    def changed(self, files: PluginFiles) -> Problem:
        return Problem(
            "plugin.changed",
            f"{self.where} is not what sha256 pins: the digest of its files is {files.digest}",
            self.place("sha256"),
            "It was changed at its source or on the way here, so it is not used.",
        )

    @property
    def where(self) -> str:
        return f"{dotted(self.path)}: {self.plugin.name!r}"

    def place(self, *key: str) -> Place | None:
        return self.at((*self.path, *key))


def _names(plugin: Plugin) -> list[str]:
    """Return what the files or the folder of a plugin may be called."""
    known = application(plugin.name)
    others = [known, plugin_of(known), f"{plugin_of(known)}-plugin"] if known else []
    return list(dict.fromkeys([plugin.name, *others]))


def _unused(named: Sequence[Plugin], folder: Path) -> Iterator[Problem]:
    used = {name for plugin in named if not plugin.url for name in _names(plugin)}
    used |= {
        below.partition("/")[0]
        for plugin in named
        if (below := (plugin.folder or "").removeprefix(f"{FOLDER}/")) != plugin.folder
    }
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.is_dir():
            message = f"{path.name!r} is used by nothing, expected a folder for each plugin"
            yield Problem("plugin.unused", message, Place(str(path)))
        elif path.name not in used:
            yield Problem(
                "plugin.unused",
                f"no entry of waf.plugins names {path.name!r}, so nothing loads it",
                Place(str(path)),
                f"Write: waf: {{plugins: [{path.name}]}}",
            )
