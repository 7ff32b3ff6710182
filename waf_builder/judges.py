"""The WAF of a spec, ready to be asked: in this process, or as a running nginx."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.choice import NO_ENGINE, Choice
from waf_builder.errors import EngineError
from waf_builder.inspect import kept
from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.library import LibraryError
from waf_builder.inspect.parallel import ParallelJudge
from waf_builder.inspect.prepared import Prepared
from waf_builder.paths import cache_dir
from waf_builder.progress import Progress

if TYPE_CHECKING:
    from waf_builder.crs.installed import InstalledCrs
    from waf_builder.crs.rules import RuleIndex
    from waf_builder.pipeline import Rendered
    from waf_builder.spec.model import Spec

LIBRARY = "library"
"""`--engine library`: libmodsecurity in this process, and nothing else."""
NGINX = "nginx"
"""`--engine nginx`: a real one, wherever it is found."""


@contextmanager
def inspector_of(
    file: Path, choice: Choice, progress: Progress, processes: int = 1
) -> Iterator[Inspector]:
    """Yield the WAF of a spec, to be asked; no backend of the spec's is.

    processes: how many share many requests, where the library is asked.

    The choice of no engine, or LIBRARY, is libmodsecurity in this process; NGINX or any other a
    real nginx. Without a choice, nginx is asked where the library cannot load the rules.
    """
    with ExitStack() as stack:
        if choice.engine in {None, LIBRARY}:
            try:
                prepared = _kept(file, replace(choice, engine=None), progress)
                judge = stack.enter_context(ParallelJudge(prepared.judge(), processes))
            except LibraryError as error:
                if choice.engine == LIBRARY:
                    raise
                progress(f"{str(error).splitlines()[0].rstrip('.')}; asking nginx instead")
            else:
                rules = cache(partial(rules_of, prepared.files, prepared.rule_set))
                yield Inspector(prepared.routing, judge, prepared.problems, rules, judge.again)
                return
        found = replace(choice, engine=None if choice.engine in {LIBRARY, NGINX} else choice.engine)
        yield stack.enter_context(_nginx(file, found, progress))


@contextmanager
def _nginx(file: Path, choice: Choice, progress: Progress) -> Iterator[Inspector]:
    """Yield a running nginx; one is got by apt if none is there.

    ProblemsError where it does not start for what is wrong with the spec or its rules.
    """
    from waf_builder.inspect.inspected import for_inspection
    from waf_builder.inspect.nginx import NginxJudge
    from waf_builder.inspect.routing import routing_of
    from waf_builder.pipeline import prove, render_for_run, require_sound_rules
    from waf_builder.run.process import RunError
    from waf_builder.run.proof import ProofBackend
    from waf_builder.spec.model import Backend

    with ExitStack() as stack:
        proof = stack.enter_context(ProofBackend())
        backend = Backend(host="127.0.0.1", port=proof.port)
        rendered = render_for_run(file, choice, backend, progress, for_inspection)
        if rendered.engine is None:
            raise EngineError("an inspection by nginx needs an engine")
        require_sound_rules(rendered)
        judge = NginxJudge(rendered.config, rendered.tree, rendered.engine)
        try:
            stack.enter_context(judge)
        except RunError:
            prove(rendered)  # which says where the mistake is
            raise
        crs = rendered.engine.crs
        rules = cache(partial(rules_of, rendered.tree, crs.folder if crs else None))
        yield Inspector(routing_of(rendered.config), judge, rendered.problems, rules)


def rules_of(files: Mapping[str, str], rule_set: Path | None) -> RuleIndex:
    """Return the rules that files load: their own rule set, or the one in a folder."""
    from waf_builder.crs.index import index_of, rule_index

    below = cache_dir() / "inspect"
    own = {
        name: text.encode()
        for name, text in files.items()
        if name.startswith("modsecurity/") and name.endswith(".conf")
    }
    if rule_set and not any(name.startswith("modsecurity/crs/") for name in own):
        return rule_index(rule_set, cache=below)
    return index_of(own, below)


def _kept(file: Path, choice: Choice, progress: Progress) -> Prepared:
    """Return what `prepare` does, from the cache where nothing has changed since."""
    key = kept.key_of(file, choice)
    if key is None:
        return prepare(file, choice, progress)
    prepared = kept.load(cache_dir(), key)
    if prepared is None:
        prepared = prepare(file, choice, progress)
        kept.save(cache_dir(), key, prepared)
    return prepared


def prepare(file: Path, choice: Choice, progress: Progress) -> Prepared:
    """Return the rules of a spec, ready for the library; errors as for `without_nginx`."""
    from waf_builder.engine.codepage import unicode_mapping
    from waf_builder.inspect.inspected import for_inspection
    from waf_builder.inspect.routing import routing_of
    from waf_builder.pipeline import require_sound_rules

    rendered, rules = without_nginx(file, choice, progress, for_inspection)
    require_sound_rules(rendered)
    return Prepared(
        routing_of(rendered.config),
        {name: text for name, text in rendered.tree.items() if name.startswith("modsecurity/")},
        # Other bytes than ASCII stand in comments only.
        rendered.engine.unicode_map.read_text("latin-1") if rendered.engine else unicode_mapping(),
        rules.folder if rules else None,
        tuple(one for one in rendered.problems if one.code != "engine.none"),
        tuple(_depends_on(rendered, rules)),
        {name: str(path) for name, path in rendered.overrides.sources.items()},
    )


def without_nginx(
    file: Path, choice: Choice, progress: Progress, change: Callable[[Spec], Spec] | None = None
) -> tuple[Rendered, InstalledCrs | None]:
    """Return a spec rendered for the engine that is here, which is not started, and its rule set.

    change: as in `render_spec`. Without an engine it is rendered for the newest one, and the rule
    set is got over the network if it is not here. EngineError where $WAF_BUILDER_ENGINE names an
    engine that is not here.
    """
    from waf_builder.pipeline import render_spec

    rules = None
    if not _has_engine(choice, progress):
        rules = _rules(file, choice, progress)
        choice = replace(choice, engine=NO_ENGINE, crs=str(rules.folder))
    rendered = render_spec(file, choice, local=True, change=change, rules=rules, progress=progress)
    return rendered, rendered.engine.crs if rendered.engine else rules


def _depends_on(rendered: Rendered, rules: InstalledCrs | None) -> Iterator[Path]:
    """Yield what changes with the engine, with which one is found, or with a plugin."""
    from waf_builder.engine import store

    # A plugin's folder may be anywhere, with files in it that were not there before.
    for source in rendered.overrides.sources.values():
        yield from (source.parent, source)
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin"]:
        yield Path(folder) / "nginx"
    with contextlib.suppress(EngineError):
        yield store.folder() / "current"
    if engine := rendered.engine:
        yield from (engine.nginx, engine.module, engine.unicode_map, *engine.library_path)
    if rules:
        yield from (
            rules.folder,
            rules.folder / "rules",
            *sorted((rules.folder / "rules").iterdir()),
        )


def _has_engine(choice: Choice, progress: Progress) -> bool:
    """Return whether an engine is here; EngineError where one is named and is not."""
    from waf_builder.engine.find import OWN_CRS, find
    from waf_builder.target import named

    wanted = named(choice).engine
    if wanted == NO_ENGINE:
        return False
    try:
        find(wanted, OWN_CRS, progress)
    except EngineError:
        if wanted:
            raise
        return False
    return True


class _AnyEngine:
    """What the choice of a rule set has to know where nothing is installed."""

    crs = None

    def __init__(self) -> None:
        from waf_builder.config.build import NEWEST

        self.modsecurity_version = NEWEST.modsecurity


def _rules(file: Path, choice: Choice, progress: Progress) -> InstalledCrs:
    from waf_builder.crs.releases import choose_crs
    from waf_builder.paths import cache_dir
    from waf_builder.spec.load import load
    from waf_builder.target import named

    wanted = named(choice, load(file).spec.waf.crs).crs
    return choose_crs(_AnyEngine(), wanted, cache_dir(), progress)
