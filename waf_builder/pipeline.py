"""spec -> config -> render -> check -> publish, as one call each for `cli/` and the buildpack."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waf_builder.choice import NO_ENGINE, Choice
from waf_builder.config.build import build
from waf_builder.config.model import Config, Locator, Target
from waf_builder.crs.index import rule_index
from waf_builder.crs.rules import RuleIndex
from waf_builder.errors import EngineError, ProblemsError
from waf_builder.paths import cache_dir
from waf_builder.plugins.find import FOLDER as PLUGINS
from waf_builder.plugins.find import Places, find_plugins
from waf_builder.problem import Problem, errors_in
from waf_builder.progress import Progress, silent
from waf_builder.render.compiled import render_with_rules
from waf_builder.render.overrides import Overrides, find_overrides
from waf_builder.render.publish import MANIFEST, STAMP, publish, require_replaceable, staged, stamp
from waf_builder.render.render import Tree
from waf_builder.render.sources import at_sources
from waf_builder.spec.load import load
from waf_builder.spec.model import Backend, Spec
from waf_builder.spec.ungated import without_gates, without_router
from waf_builder.target import find_rules, find_target, named

__all__ = ["NO_ENGINE", "Choice", "Rendered", "find_target", "render_spec"]

if TYPE_CHECKING:
    from waf_builder.crs.installed import InstalledCrs
    from waf_builder.engine.model import Engine


@dataclass(frozen=True)
class Rendered:
    """A rendered tree that has not been checked yet.

    engine: the one to test it with, if there is one that fits its target.
    index: of all rules that it loads; None where nobody had to know them, or nobody can.
    """

    config: Config
    tree: Tree
    overrides: Overrides
    engine: Engine | None
    index: RuleIndex | None
    problems: tuple[Problem, ...]

    @property
    def loaded(self) -> tuple[int, int] | None:
        """How many rules of the Core Rule Set are loaded, and of how many; None for all."""
        if MANIFEST not in self.tree:
            return None
        manifest = json.loads(self.tree[MANIFEST])
        return int(manifest["loaded"]), int(manifest["rules"])


def render_spec(  # noqa: PLR0913
    file: Path,
    choice: Choice | None = None,
    *,
    backend: Backend | None = None,
    local: bool = False,
    change: Callable[[Spec], Spec] | None = None,
    rules: InstalledCrs | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Rendered:
    """Return the tree for the spec in file, with the warnings about it.

    backend: stands in for every backend of the spec (`waf-builder run --backend`).
    local: leave out what only the platform's router can say.
    change: what is rendered instead of the spec. rules: for where there is no engine.
    Raises ProblemsError or another WafBuilderError; nothing is written.
    """
    loaded = load(file, environ)
    spec = without_router(loaded.spec) if local else loaded.spec
    spec = with_backend(spec, backend) if backend else spec
    spec = change(spec) if change else spec
    page = loaded.spec.errors.page
    overrides = find_overrides(loaded.folder, page, loaded.at(("errors", "page")))
    choice = named(choice or Choice(), loaded.spec.waf.crs)
    target, engine, problems = find_target(choice, progress)
    if spec.waf.plugins or (loaded.folder / PLUGINS).exists():
        rules = _crs_of(engine, choice)
        folder = rules.folder if rules and rules.version == target.crs else None
        places = Places(loaded.folder, folder, cache_dir() / "plugins")
        found = find_plugins(spec.waf.plugins, target, places, loaded.at, progress or silent)
        overrides = overrides.with_plugins(found)
    index = known_rules(target, overrides, _crs_of(engine, choice)) if excludes(spec) else None
    crs = engine.crs if engine else rules
    config, tree, met = build_tree(spec, target, overrides, index, crs, at=loaded.at)
    warnings = (*loaded.warnings, *overrides.warnings, *problems, *config.warnings, *met)
    return Rendered(config, tree, overrides, engine, index, warnings)


def excludes(spec: Spec) -> bool:
    """Return whether a spec has exclusions, which are looked up in the rules."""
    return bool(spec.waf.exclusions or any(route.waf.exclusions for route in spec.routes))


def _crs_of(engine: Engine | None, choice: Choice) -> InstalledCrs | None:
    """Return the rule set to look exclusions up in; None when there is none here."""
    if engine:
        return engine.crs
    try:
        return find_rules(choice)[0]
    except EngineError:
        return None


def known_rules(
    target: Target, overrides: Overrides | None, crs: InstalledCrs | None
) -> RuleIndex | None:
    """Return all rules that a tree loads; None where the Core Rule Set is not here."""
    if crs is None:
        return None
    from waf_builder.render.ownrules import own_rules

    return RuleIndex([*rule_index(crs.folder, cache=cache_dir()), *own_rules(target, overrides)])


def build_tree(  # noqa: PLR0913
    spec: Spec,
    target: Target,
    overrides: Overrides,
    index: RuleIndex | None,
    crs: InstalledCrs | None,
    *,
    at: Locator = lambda _path: None,
) -> tuple[Config, Tree, list[Problem]]:
    """Return configuration and tree of a spec, and what to know of its rules.

    index, crs: as in `Rendered`, and the rules to compile; None for none.
    """
    config = build(
        spec,
        target,
        at=at,
        index=index,
        rules_before_crs=overrides.included("before-crs"),
        rules_after_crs=overrides.included("after-crs"),
        plugins=overrides.plugins,
    )
    config, tree, problems = render_with_rules(config, overrides, crs, spec.waf.compile)
    tree[STAMP] = stamp(config, tree)
    return config, tree, at_sources(problems, overrides, tree)


def render_for_run(
    file: Path,
    choice: Choice,
    backend: Backend | None,
    progress: Progress,
    change: Callable[[Spec], Spec] | None = None,
) -> Rendered:
    """Return the tree for a run on this machine, with an engine: got by apt if none is there."""
    if choice.engine == NO_ENGINE:
        raise EngineError("a run needs an engine, so --engine none cannot be")
    choice = replace(choice, get_crs=True)
    how: dict[str, Any] = {"backend": backend, "local": True, "change": change}
    rendered = render_spec(file, choice, **how, progress=progress)
    if rendered.engine is None:
        progress("no engine is here yet: getting one, without root")
        by_apt = replace(choice, engine="apt")
        rendered = render_spec(file, by_apt, **how, progress=progress)
    return rendered


def with_backend(spec: Spec, backend: Backend) -> Spec:
    """Return the spec with every backend's address replaced by that of `backend`."""
    address = {"host": backend.host, "port": backend.port}
    ids = {"process": None, "app_id": None, "index": None}
    changed = {
        name: old.model_copy(update={**address, **ids}) for name, old in spec.all_backends().items()
    }
    if spec.backend:
        (only,) = changed.values()
        return spec.model_copy(update={"backend": only})
    return spec.model_copy(update={"backends": changed})


def check_rendered(rendered: Rendered, folder: Path) -> list[Problem]:
    """Return every problem of a staged tree; those of the user's files name them."""
    from waf_builder.check.tree import check_tree

    problems = check_tree(folder, engine=rendered.engine)
    return at_sources(problems, rendered.overrides, rendered.tree)


def require_sound_rules(rendered: Rendered) -> None:
    """Raise ProblemsError for what the lint finds wrong with rules of the user's own.

    libmodsecurity loads a rule of which the expression does not compile, and it never matches.
    """
    if not rendered.overrides.sources:
        return
    from waf_builder.check.seclang import lint

    rules = {
        name: text
        for name, text in rendered.tree.items()
        if name.startswith("modsecurity/")
        and name.endswith(".conf")
        and not name.startswith("modsecurity/crs/")
    }
    version = rendered.engine.modsecurity_version if rendered.engine else None
    problems = at_sources(lint(rules, modsecurity=version), rendered.overrides, rendered.tree)
    _require_sound(errors_in(problems))


def prove(rendered: Rendered) -> list[Problem]:
    """Check a tree without publishing it; ProblemsError if it has errors."""
    with staged(rendered.tree) as folder:
        return _require_sound(check_rendered(rendered, folder))


def prove_by_requests(
    file: Path, rendered: Rendered, environ: Mapping[str, str] | None = None
) -> list[Problem]:
    """Start the engine with the rules and routes of a spec and ask each route.

    What `rendered` was made of is rendered again with a backend that always answers and every
    gate open, since these requests come from this machine. Returns the routes that do not behave
    as their policy says.
    """
    from waf_builder.run.proof import ProofBackend, prove_routes

    if rendered.engine is None:
        raise EngineError("a proof by requests needs an engine")
    with ProofBackend() as backend:
        config, tree, _ = build_tree(
            with_backend(
                without_gates(load(file, environ).spec),
                Backend(host="127.0.0.1", port=backend.port),
            ),
            rendered.config.target,
            rendered.overrides,
            rendered.index,
            rendered.engine.crs,
        )
        return prove_routes(config, tree, rendered.engine)


def publish_checked(rendered: Rendered, target: Path) -> list[Problem]:
    """Check the tree and swap it in at target; until it is proven, the old one stays."""
    require_replaceable(target)
    with staged(rendered.tree, target) as folder:
        problems = _require_sound(check_rendered(rendered, folder))
        publish(folder, target)
    return problems


def _require_sound(problems: list[Problem]) -> list[Problem]:
    if errors_in(problems):
        raise ProblemsError(problems)
    return problems
