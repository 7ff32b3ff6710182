"""What `bin/compile` does, once the libraries are there: the steps of a deploy in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from waf_builder import pipeline
from waf_builder.deploy.early import EarlyEngine
from waf_builder.deploy.engines import Wish, engine_for, with_rules
from waf_builder.deploy.install import (
    FOLDER,
    add_commands,
    add_engine,
    add_start,
    install,
    require_free,
    size_of,
    staging,
)
from waf_builder.deploy.log import Log, megabytes
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.deploy.paragraphs import lock_not_met
from waf_builder.engine.allocator import version_of
from waf_builder.engine.link import link
from waf_builder.engine.model import Engine
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.lock.model import Lock
from waf_builder.lock.read import lock_beside, read_lock
from waf_builder.lock.verify import verify
from waf_builder.problem import Problem, Severity, errors_in
from waf_builder.run.process import RunError
from waf_builder.spec.load import load


def compile_waf(deploy: Deploy, name: str, log: Log, early: EarlyEngine | None = None) -> None:
    """Install the WAF of an app into it, proven; the working folder is the app's.

    name: the file of the spec. early: the engine, if it was got before.
    DeployError says why not; the app is then as it was.
    """
    require_free(deploy.app)
    spec = Path(name)
    lock = _read_spec(deploy, log, spec)
    engine = _get_engine(deploy, log, _wish(deploy, spec, lock), early)
    with staging(deploy.app) as folder:
        engine = add_engine(engine, folder)
        rendered = _render(deploy, log, spec, engine, folder / "tree")
        _prove(deploy, log, spec, rendered)
        with log.step(f"Installing into {FOLDER}") as step:
            link(engine, folder / "tree", relative=True)
            add_start(folder)
            add_commands(folder)
            size = size_of(folder)
            install(folder, deploy.app)
            step.done("Starts with '.waf/start'", megabytes(size))


def _wish(deploy: Deploy, file: Path, lock: Lock | None) -> Wish:
    wish = Wish.of(deploy)
    wanted = load(file, deploy.app_variables).spec.waf.crs
    return replace(wish, crs=wish.crs or wanted, lock=lock)


def _read_spec(deploy: Deploy, log: Log, file: Path) -> Lock | None:
    with log.step(f"Reading {file}") as step:
        with _mistakes(str(file)):
            spec = load(file, deploy.app_variables).spec
        counts = (
            _count(len(spec.all_backends()), "backend"),
            _count(len(spec.routes) or 1, "route"),
        )
        lock = _read_lock(lock_beside(file))
        step.done(", ".join(counts), *([f"locked by {lock.file}"] if lock else []))
    return lock


def _read_lock(file: Path) -> Lock | None:
    try:
        return read_lock(file)
    except WafBuilderError as error:
        problems = error.problems if isinstance(error, ProblemsError) else ()
        raise DeployError(
            f"{file} cannot be read, so nobody knows what to deploy.\n\n"
            f"{_listed(problems) or error}\n\n"
            "It is made by 'waf-builder lock': restore the last one that was committed, or make\n"
            "it again. What was deployed last keeps running."
        ) from error


def _get_engine(deploy: Deploy, log: Log, wish: Wish, early: EarlyEngine | None) -> Engine:
    with log.step(f"Installing the engine for {deploy.stack}") as step:

        def progress(message: str) -> None:
            step.detail(message[:1].upper() + message[1:])

        found = early.found(progress) if early else engine_for(wish, progress)
        found = with_rules(wish, found, progress)
        engine = found.engine
        versions = [f"nginx {engine.nginx_version}", f"ModSecurity {engine.modsecurity_version}"]
        if engine.crs:
            versions.append(f"Core Rule Set {engine.crs.version}")
        if engine.allocator:
            versions.append(f"jemalloc {version_of(engine.allocator) or 'of an unknown version'}")
        step.done(", ".join(versions), found.source, megabytes(size_of(engine.root.resolve())))
        for remark in found.remarks:
            log.warning(remark)
        if wish.lock and engine.crs:
            _require_locked(log, verify(wish.lock, engine, engine.crs))
    return engine


def _require_locked(log: Log, problems: list[Problem]) -> None:
    if errors_in(problems):
        # How to mend it is the same for all of them, and said once.
        raise DeployError(lock_not_met(_listed(replace(one, hint="") for one in problems)))
    _warn(log, problems)


def _render(deploy: Deploy, log: Log, spec: Path, engine: Engine, tree: Path) -> pipeline.Rendered:
    with log.step("Rendering and checking the configuration") as step, _mistakes(str(spec)):
        crs = str(engine.crs.folder) if engine.crs else None
        choice = pipeline.Choice(str(engine.root), crs)
        rendered = pipeline.render_spec(spec, choice, environ=deploy.app_variables)
        problems = [*rendered.problems, *pipeline.publish_checked(rendered, tree)]
        step.done(f"{len(rendered.tree)} files, checked with nginx's own test too")
        _warn(log, problems)
    return rendered


def _prove(deploy: Deploy, log: Log, spec: Path, rendered: pipeline.Rendered) -> None:
    with log.step("Proving it with real requests") as step:
        try:
            problems = pipeline.prove_by_requests(spec, rendered, deploy.app_variables)
        except RunError as error:
            raise DeployError(f"The WAF does not start.\n\n{error}\n\n{_NOT_PROVEN}") from error
        if errors_in(problems):
            raise DeployError(
                f"The WAF does not do what the spec says.\n\n{_listed(problems)}\n\n{_NOT_PROVEN}"
            )
        routes = {
            location.label for server in rendered.config.servers for location in server.locations
        }
        step.done(f"{_count(len(routes), 'route')} asked: an ordinary request and an attack each")


_NOT_PROVEN = """\
It was started with these rules and routes, and asked. A rule or a template of your own may
be the cause: `waf-builder run` shows the same on your machine. What was deployed last keeps
running."""


def _warn(log: Log, problems: Iterable[Problem]) -> None:
    warnings = [problem for problem in problems if problem.severity is Severity.WARNING]
    for problem in warnings:
        log.warning(_body(problem))


@contextmanager
def _mistakes(name: str) -> Iterator[None]:
    """Turn what is wrong with the user's files into a paragraph."""
    try:
        yield
    except WafBuilderError as error:
        problems = error.problems if isinstance(error, ProblemsError) else ()
        count = len(errors_in(problems)) or 1
        raise DeployError(
            f"{_count(count, 'mistake')} to mend before '{name}' can be deployed.\n\n"
            f"{_listed(problems) or error}\n\n"
            f"What was deployed last keeps running. `waf-builder validate {name}` and\n"
            f"`waf-builder render {name}` find the same on your own machine."
        ) from error


def _listed(problems: Iterable[Problem]) -> str:
    return "\n".join(
        problem.render() for problem in problems if problem.severity is not Severity.NOTE
    )


def _body(problem: Problem) -> str:
    """Return a problem as a paragraph of its own, which says already what it is."""
    return problem.render().replace(f"{problem.severity.value}: ", "", 1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
