"""The comparison of a spec's two rule sets: as installed, and compiled for its policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from waf_builder.config.build import COMPILED_RULES
from waf_builder.config.model import Config
from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError, ProblemsError, WafBuilderError
from waf_builder.pipeline import Rendered, build_tree, with_backend
from waf_builder.render.publish import MANIFEST
from waf_builder.render.render import Tree
from waf_builder.run.proof import probes
from waf_builder.seclang import read_text, rule_ids
from waf_builder.spec.load import load
from waf_builder.spec.model import Backend, Route, Spec
from waf_builder.verify.compare import Difference, Verdict
from waf_builder.verify.echo import echo
from waf_builder.verify.requests import Generator
from waf_builder.verify.side import Side, running
from waf_builder.verify.wire import Place, Request
from waf_builder.verify.words import words_of

BATCH = 100
"""Requests between two looks at the records."""

_AGAIN = 3
"""How often a difference is asked for again: a connection that a backend closed is no verdict."""

_OF_SPEC = frozenset({"backend", "backends", "routes", "waf", "max_body"})
_OF_ROUTE = frozenset({"path", "exact", "hosts", "backend", "methods", "max_body", "waf"})
"""What has to do with rules; the rest of a spec could refuse requests before they are judged."""


@dataclass(frozen=True)
class Verified:
    """How a comparison went.

    requests: how many were sent to both. refused: how many of them both refused.
    rules: the rules that matched in any of them. differences: empty when it went well.
    """

    requests: int
    refused: int
    rules: frozenset[int]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Pair:
    """The two trees of a spec, with all that the comparison needs."""

    installed: Tree
    compiled: Tree
    places: tuple[Place, ...]
    engine: Engine


def verify(
    file: Path,
    rendered: Rendered,
    *,
    count: int,
    seed: int,
    progress: Callable[[int], None] = lambda _done: None,
) -> Verified:
    """Send the same requests to a spec's installed and compiled rules, and compare.

    It ends with the batch that shows the first difference. WafBuilderError when there is nothing
    to compare: no engine, or rules that cannot be compiled.
    """
    with echo() as backend:
        pair = pair_of(file, rendered, backend.port)
        return compare(pair, count=count, seed=seed, progress=progress)


def pair_of(file: Path, rendered: Rendered, port: int) -> Pair:
    """Return the two trees of a spec whose backends are all on a port of this machine."""
    engine = rendered.engine
    if engine is None or engine.crs is None:
        raise EngineError("a comparison needs an engine with a Core Rule Set")
    spec = _about_rules(with_backend(load(file).spec, Backend(host="127.0.0.1", port=port)))
    trees = []
    for compiled in (False, spec.waf.compile or True):
        waf = spec.waf.model_copy(update={"compile": compiled})
        config, tree, problems = build_tree(
            spec.model_copy(update={"waf": waf}),
            rendered.config.target,
            rendered.overrides,
            rendered.index,
            engine.crs,
        )
        if problems:
            raise ProblemsError(problems)
        trees.append(tree)
    if MANIFEST not in trees[1]:
        raise WafBuilderError("these rules are not compiled, so there is nothing to compare")
    return Pair(trees[0], trees[1], _places(config), engine)


def compare(
    pair: Pair,
    *,
    count: int,
    seed: int,
    progress: Callable[[int], None] = lambda _done: None,
) -> Verified:
    """Do what `verify` does with the two trees."""
    assert pair.engine.crs is not None  # noqa: S101  pair_of has seen to it
    rules = pair.engine.crs.rules
    loaded = {name: text for name, text in pair.compiled.items() if fnmatch(name, COMPILED_RULES)}
    generator = Generator(seed, words_of(rules), pair.places, rule_ids(loaded))
    return compare_for(pair, generator.requests(count), generator.plain(0), progress)


def compare_for(
    pair: Pair,
    requests: Iterable[Request],
    last: Request,
    progress: Callable[[int], None] = lambda _done: None,
) -> Verified:
    """Do so with other requests, each with a number of its own.

    last: one that no rule minds, with number 0.
    """
    assert pair.engine.crs is not None  # noqa: S101  pair_of has seen to it
    scores = _scores(pair.engine.crs.rules)
    done, refused = 0, 0
    met: set[int] = set()
    differences: list[Difference] = []
    with ExitStack() as stack:
        installed, compiled = (
            stack.enter_context(running(tree, scores, pair.engine))
            for tree in (pair.installed, pair.compiled)
        )
        for batch in _batches(requests):
            pairs = _asked(installed, compiled, batch, last)
            for one, other in pairs.values():
                met.update(match.rule for match in one.matches)
                refused += one.status == other.status == "403"
            differing = [request for request in batch if _differ(pairs[request.number])]
            for _ in range(_AGAIN if differing else 0):
                pairs.update(_asked(installed, compiled, differing, last))
                differing = [request for request in differing if _differ(pairs[request.number])]
            differences += [Difference(request, *pairs[request.number]) for request in differing]
            done += len(batch)
            progress(done)
            if differences:
                break
    return Verified(done, refused, frozenset(met), tuple(differences))


def _asked(
    installed: Side, compiled: Side, requests: Sequence[Request], last: Request
) -> dict[int, tuple[Verdict, Verdict]]:
    """Return what both say to each request, by its number."""
    for request in requests:
        installed.send(request)
        compiled.send(request)
        installed.receive(request)
        compiled.receive(request)
    said, says = (side.verdicts(last) for side in (installed, compiled))
    return {number: (said[number], says[number]) for number in said}


def _differ(pair: tuple[Verdict, Verdict]) -> bool:
    return pair[0] != pair[1]


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


def _batches(requests: Iterable[Request]) -> Iterator[Sequence[Request]]:
    batch: list[Request] = []
    for request in requests:
        batch.append(request)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
