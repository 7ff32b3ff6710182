"""spec -> config -> render -> check -> publish, as one call each for `cli/` and the buildpack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Config, Locator, Target
from waf_builder.errors import EngineError, ProblemsError
from waf_builder.problem import Problem, Severity, errors_in
from waf_builder.render.overrides import Overrides, find_overrides
from waf_builder.render.publish import STAMP, publish, require_replaceable, staged, stamp
from waf_builder.render.render import Tree, render
from waf_builder.spec.load import load
from waf_builder.spec.model import Backend, Spec
from waf_builder.version import Version, is_wanted_version

if TYPE_CHECKING:
    from waf_builder.engine.find import Progress
    from waf_builder.engine.model import Engine

NO_ENGINE = "none"
"""`--engine none`: render for the newest versions, without nginx's own test."""


@dataclass(frozen=True)
class Choice:
    """Which engine and rules to render for, as the command line names them."""

    engine: str | None = None
    crs: str | None = None
    nginx_version: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A rendered tree that has not been checked yet.

    engine: the one to test it with, if there is one that fits its target.
    """

    config: Config
    tree: Tree
    overrides: Overrides
    engine: Engine | None
    problems: tuple[Problem, ...]


def render_spec(
    file: Path,
    choice: Choice | None = None,
    *,
    backend: Backend | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Rendered:
    """Return the tree for the spec in file, with the warnings about it.

    backend: stands in for every backend of the spec (`waf-builder run --backend`).
    Raises ProblemsError or another WafBuilderError; nothing is written.
    """
    loaded = load(file, environ)
    spec = with_backend(loaded.spec, backend) if backend else loaded.spec
    overrides = find_overrides(loaded.folder)
    target, engine, problems = find_target(choice or Choice(), progress)
    config, tree = _build(spec, target, overrides, loaded.at)
    return Rendered(config, tree, overrides, engine, (*loaded.warnings, *problems))


def _build(
    spec: Spec, target: Target, overrides: Overrides, at: Locator = lambda _path: None
) -> tuple[Config, Tree]:
    config = build(
        spec,
        target,
        at=at,
        rules_before_crs=overrides.included("before-crs"),
        rules_after_crs=overrides.included("after-crs"),
    )
    tree = render(config, overrides)
    tree[STAMP] = stamp(config, tree)
    return config, tree


def render_for_run(
    file: Path, choice: Choice, backend: Backend | None, progress: Progress
) -> Rendered:
    """Return the tree for a run on this machine, with an engine: got by apt if none is there."""
    if choice.engine == NO_ENGINE:
        raise EngineError("a run needs an engine, so --engine none cannot be")
    rendered = render_spec(file, choice, backend=backend, progress=progress)
    if rendered.engine is None:
        progress("no engine is here yet: getting one, without root")
        by_apt = replace(choice, engine="apt")
        rendered = render_spec(file, by_apt, backend=backend, progress=progress)
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


def find_target(
    choice: Choice, progress: Progress | None = None
) -> tuple[Target, Engine | None, list[Problem]]:
    """Return the versions to render for, the engine to test with, and what to know about them.

    Without an engine the newest versions are taken, or those that the choice names.
    """
    from waf_builder.engine.find import silent

    choice = replace(
        choice,
        engine=choice.engine or os.environ.get("WAF_BUILDER_ENGINE"),
        crs=choice.crs or os.environ.get("WAF_BUILDER_CRS"),
    )
    engine: Engine | None = None
    problems: list[Problem] = []
    missing = None
    if choice.engine != NO_ENGINE:
        engine, problems, missing = _find_engine(choice, progress or silent)
    target = NEWEST
    if engine:
        crs = engine.crs.version if engine.crs else NEWEST.crs
        connector = engine.connector_version or NEWEST.connector
        target = Target(engine.nginx_version, engine.modsecurity_version, connector, crs)
    elif choice.crs:
        target = replace(target, crs=_crs_version(choice.crs))
    if choice.nginx_version:
        forced = _version(choice.nginx_version)
        target = replace(target, nginx=forced)
        if engine and forced != engine.nginx_version:
            engine = None  # its `nginx -t` would judge another generation's directives
    if missing:
        problems = [_not_tested(target, missing)]
    return target, engine, problems


def _find_engine(
    choice: Choice, progress: Progress
) -> tuple[Engine | None, list[Problem], EngineError | None]:
    """Return the engine and what to know about it, or why there is none."""
    from waf_builder.engine.compat import check_pair
    from waf_builder.engine.find import find

    try:
        engine = find(choice.engine, choice.crs, progress)
    except EngineError as error:
        if choice.engine or (choice.crs and not is_wanted_version(choice.crs)):
            raise
        return None, [], error
    problems = check_pair(engine)
    if errors_in(problems):
        raise ProblemsError(problems)
    return engine, problems, None


def _not_tested(target: Target, reason: EngineError) -> Problem:
    return Problem(
        "engine.none",
        f"rendered for {target}, and nginx has not tested it",
        hint=f"{str(reason).splitlines()[0]}\n"
        "`--engine apt` gets one without root; `--engine none` says that this is meant.",
        severity=Severity.WARNING,
    )


def _crs_version(wanted: str) -> Version:
    if is_wanted_version(wanted):
        numbers = [int(number) for number in wanted.split(".")]
        return Version(*numbers, *[0] * (3 - len(numbers)))
    from waf_builder.crs.installed import find_crs

    return find_crs(Path(wanted)).version


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise EngineError(f"--nginx-version: {error}") from None


def check_rendered(rendered: Rendered, folder: Path) -> list[Problem]:
    """Return every problem of a staged tree; those of the user's rules name the user's files."""
    from waf_builder.check.tree import check_tree

    sources = {name: str(path) for name, path in rendered.overrides.sources.items()}
    return [_at_source(problem, sources) for problem in check_tree(folder, engine=rendered.engine)]


def _at_source(problem: Problem, sources: Mapping[str, str]) -> Problem:
    place = problem.place
    if place is None or place.file not in sources:
        return problem
    return replace(problem, place=replace(place, file=sources[place.file]))


def prove(rendered: Rendered) -> list[Problem]:
    """Check a tree without publishing it; ProblemsError if it has errors."""
    with staged(rendered.tree) as folder:
        return _require_sound(check_rendered(rendered, folder))


def prove_by_requests(
    file: Path, rendered: Rendered, environ: Mapping[str, str] | None = None
) -> list[Problem]:
    """Start the engine with the rules and routes of a spec and ask each route.

    What `rendered` was made of is rendered again with a backend that always answers. Returns
    the routes that do not behave as their policy says.
    """
    from waf_builder.run.proof import ProofBackend, prove_routes

    if rendered.engine is None:
        raise EngineError("a proof by requests needs an engine")
    with ProofBackend() as backend:
        config, tree = _build(
            with_backend(load(file, environ).spec, Backend(host="127.0.0.1", port=backend.port)),
            rendered.config.target,
            rendered.overrides,
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
