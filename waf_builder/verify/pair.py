"""The two trees of a spec: its rules as installed, and compiled for its policy."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from waf_builder.config.model import Config
from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.crs.installed import InstalledCrs
from waf_builder.engine.codepage import unicode_mapping
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError, ProblemsError, WafBuilderError
from waf_builder.inspect.routing import Routing, routing_of
from waf_builder.pipeline import Rendered, build_tree, with_backend
from waf_builder.render.publish import MANIFEST
from waf_builder.render.render import Tree
from waf_builder.run.proof import probes
from waf_builder.seclang import read_text
from waf_builder.spec.load import load
from waf_builder.spec.model import Backend, Route, Spec
from waf_builder.verify.inprocess import LibrarySide, loaded
from waf_builder.verify.side import Side, running
from waf_builder.verify.wire import Place

_OF_SPEC = frozenset({"backend", "backends", "routes", "waf", "max_body"})
_OF_ROUTE = frozenset({"path", "exact", "hosts", "backend", "methods", "max_body", "waf"})
"""What has to do with rules; the rest of a spec could refuse requests before they are judged."""


@dataclass(frozen=True)
class Pair:
    """The two trees of a spec, with all that the comparison needs.

    routings: of the installed one, and of the compiled one. engine: which nginx is asked; None for
    libmodsecurity in this process.
    """

    installed: Tree
    compiled: Tree
    places: tuple[Place, ...]
    routings: tuple[Routing, Routing]
    crs: InstalledCrs
    engine: Engine | None

    def sides(self) -> tuple[AbstractContextManager[Side | LibrarySide], ...]:
        """Return both, installed first; entered, each can be asked."""
        scores = _scores(self.crs.rules)
        trees = (self.installed, self.compiled)
        if self.engine:
            return tuple(running(tree, scores, self.engine) for tree in trees)
        return tuple(
            loaded(tree, scores, routing, self.crs.folder, unicode_mapping())
            for tree, routing in zip(trees, self.routings, strict=True)
        )


def pair_of(file: Path, rendered: Rendered, port: int, rules: InstalledCrs | None = None) -> Pair:
    """Return the two trees of a spec whose backends are all on a port of this machine.

    rules: have libmodsecurity in this process answer, with this Core Rule Set; without them an
    engine is needed.
    """
    engine = None if rules else rendered.engine
    crs = engine.crs if engine else rules
    if crs is None:
        raise EngineError("a comparison needs an engine with a Core Rule Set, or --engine library")
    spec = _about_rules(with_backend(load(file).spec, Backend(host="127.0.0.1", port=port)))
    trees, configs = [], []
    for compiled in (False, spec.waf.compile or True):
        waf = spec.waf.model_copy(update={"compile": compiled})
        config, tree, problems = build_tree(
            spec.model_copy(update={"waf": waf}),
            rendered.config.target,
            rendered.overrides,
            rendered.index,
            crs,
        )
        if problems:
            raise ProblemsError(problems)
        trees.append(tree)
        configs.append(config)
    if MANIFEST not in trees[1]:
        raise WafBuilderError("these rules are not compiled, so there is nothing to compare")
    if all(place.mode == "off" for server in configs[1].servers for place in server.locations):
        raise WafBuilderError("no route has rules (mode: off), so there is nothing to compare")
    routings = (routing_of(configs[0]), routing_of(configs[1]))
    return Pair(trees[0], trees[1], _places(configs[1]), routings, crs, engine)


def _about_rules(spec: Spec) -> Spec:
    routes = tuple(
        Route(**{name: getattr(route, name) for name in route.model_fields_set & _OF_ROUTE})
        for route in spec.routes
    )
    kept = {name: getattr(spec, name) for name in spec.model_fields_set & _OF_SPEC}
    return Spec(**{**kept, **({"routes": routes} if routes else {})})


def _places(config: Config) -> tuple[Place, ...]:
    found = [
        Place(probe.host, probe.location.path)
        for probe in probes(config)
        if probe.location.mode != "off"
    ]
    return tuple(found) or (Place("waf-verify.invalid", "/"),)


def _scores(rules: Path) -> str:
    """Return macros for every score that the rule set keeps."""
    parts = [Part(file.name, read_text(file), ours=True) for file in sorted(rules.glob("*.conf"))]
    names = {
        setting.name
        for entry in read_rules(parts).entries
        for setting in entry.settings
        if setting.name.endswith(("_score", "_pl1", "_pl2", "_pl3", "_pl4"))
    }
    return " ".join(f"%{{tx.{name}}}" for name in sorted(names))
