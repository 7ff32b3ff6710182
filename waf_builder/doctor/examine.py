"""The whole examination: its checks in order, those that wait beside each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from waf_builder.config.auth import build_passwords
from waf_builder.config.backends import build_backends, is_address
from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Config
from waf_builder.doctor import container, limits, memory, network
from waf_builder.doctor.connection import check_connection, check_page
from waf_builder.doctor.engine import CHECK as ENGINE
from waf_builder.doctor.engine import check_engine
from waf_builder.doctor.here import Here
from waf_builder.doctor.name import check_name
from waf_builder.doctor.resolvers import Server, check_servers, find_servers
from waf_builder.doctor.result import Result, failed, ok, skipped
from waf_builder.doctor.subject import Subject, find_subjects
from waf_builder.doctor.tree import CHECK as TREE
from waf_builder.doctor.tree import check_tree
from waf_builder.doctor.variables import check_variables
from waf_builder.engine.link import linked
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.problem import errors_in
from waf_builder.spec.load import LoadedSpec, load

_GRACE = 0.5
"""Seconds after the deadline in which a check that saw it may still say so."""

_OUT_OF_TIME = "Nothing else is known of it: run the doctor again, or look there yourself."

Job = tuple[tuple[str, ...], Callable[[], Iterable[Result]]]
"""What takes time: the names of its results, and how to get them, one after the other."""


@dataclass(frozen=True)
class Options:
    """What the user named: name servers instead of the machine's, an engine, rules, a tree."""

    resolvers: tuple[Server, ...] = ()
    engine: str | None = None
    crs: str | None = None
    tree: Path | None = None


def examine(file: Path, options: Options, here: Here) -> list[Result]:
    """Return a result for each check of the spec in file, in the order of the table.

    It takes little more than ten seconds, whatever hangs. What a spec in error does not let be
    looked at is left out.
    """
    spec, loaded = _load(file, here)
    jobs: list[Job] = [_at_once([spec])]
    if loaded:
        # Which versions there are changes nothing of what is looked at here.
        source = loaded.spec
        backends, _ = build_backends(source, NEWEST, loaded.at)
        subjects = find_subjects(source, backends, here.environ)
        servers, problem = _servers(options, here)
        named = any(
            not subject.address or not is_address(subject.address[0]) for subject in subjects
        )
        fields = [field for backend in backends.values() for field in backend.fields]
        passwords = list(build_passwords(source).values())
        jobs += [
            _at_once([check_variables(fields, passwords, here.environ)]),
            _at_once([check_servers(servers, problem, needed=named)]),
            *(_backend(subject, servers, here) for subject in subjects),
            _at_once(_machine(_config(loaded), here)),
        ]
    own_engine, own_rules = linked(options.tree) if options.tree else (None, None)
    where, crs = options.engine or own_engine, options.crs or own_rules
    jobs.append(((ENGINE,), lambda: [check_engine(where, crs)]))
    if loaded:
        jobs.append(((TREE,), lambda: [check_tree(options.tree, file, here.environ)]))
    return _run(jobs, here)


def _load(file: Path, here: Here) -> tuple[Result, LoadedSpec | None]:
    """Return the spec as the build leaves it to the boot: with its variables still in it."""
    try:
        try:
            loaded = load(file, {})
        except ProblemsError:
            # Two variables in one value have to be known before the boot.
            loaded = load(file, here.environ)
    except ProblemsError as error:
        count = len(errors_in(error.problems))
        told = "\n".join(problem.render() for problem in error.problems)
        return failed("spec", f"{file}: {count} error{'' if count == 1 else 's'}", told), None
    except WafBuilderError as error:
        first, _, rest = str(error).partition("\n")
        return failed("spec", first, rest.strip()), None
    backends, routes = len(loaded.spec.all_backends()), len(loaded.spec.all_routes())
    counts = [(backends, "backend"), (routes, "route")]
    told = ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts)
    return ok("spec", f"{file}: {told}"), loaded


def _config(loaded: LoadedSpec) -> Config:
    return build(loaded.spec, NEWEST, at=loaded.at)


def _servers(options: Options, here: Here) -> tuple[tuple[Server, ...], str]:
    if options.resolvers:
        return options.resolvers, ""
    try:
        return find_servers(here.environ), ""
    except ValueError as error:
        return (), str(error)


def _machine(config: Config, here: Here) -> list[Result]:
    return [
        container.check_port(here),
        container.check_mode(here),
        container.check_stream("stdout", "/dev/stdout"),
        container.check_stream("stderr", "/dev/stderr"),
        memory.check_workers(config, here),
        memory.check_bodies(config, here),
        limits.check_files(limits.files_limit()),
        limits.check_processes(config, here),
    ]


_CHECKS = ("process", "network", "name", "addresses", "connection", "page")


def _backend(subject: Subject, servers: Sequence[Server], here: Here) -> Job:
    names = tuple(f"{subject.label}: {check}" for check in _CHECKS)
    return names, partial(_examine_backend, subject, servers, here)


def _examine_backend(subject: Subject, servers: Sequence[Server], here: Here) -> Iterator[Result]:
    """Yield what is known of a backend; each check needs what the one before it found."""
    yield network.check_process(subject, here)
    yield network.check_network(subject, here)
    if subject.address is None:
        yield from _skip(subject, _CHECKS[2:], "a variable is missing")
        return
    host, port = subject.address
    addresses: tuple[str, ...] = (host,)
    if is_address(host):
        yield skipped(f"{subject.label}: name", f"{host} is an address already")
    elif not servers:
        yield from _skip(subject, _CHECKS[2:], "there is no name server")
        return
    else:
        result, addresses = check_name(subject, host, servers, here)
        yield result
    if not addresses:
        yield from _skip(subject, _CHECKS[3:], "the name has no address")
        return
    yield network.check_range(subject, addresses)
    result, good = check_connection(subject, addresses, port, here)
    yield result
    if not good:
        yield from _skip(subject, _CHECKS[5:], "there is no connection")
        return
    yield check_page(subject, good, port, here)


def _skip(subject: Subject, checks: Sequence[str], why: str) -> Iterator[Result]:
    for check in checks:
        yield skipped(f"{subject.label}: {check}", why)


def _at_once(results: list[Result]) -> Job:
    return tuple(result.check for result in results), lambda: results


def _run(jobs: Sequence[Job], here: Here) -> list[Result]:
    """Return every job's results in order; a check that is not done in time has failed."""
    found: list[list[Result]] = [[] for _ in jobs]
    broken: list[BaseException] = []

    def work(job: Job, into: list[Result]) -> None:
        try:
            for result in job[1]():
                into.append(result)  # noqa: PERF402  each is to be seen as soon as it is there
        except BaseException as error:  # noqa: BLE001  a bug must not end as a row of the table
            broken.append(error)

    # Not a pool: the end of the program would wait for its threads, however long they hang.
    threads = [
        threading.Thread(target=work, args=(job, into), daemon=True)
        for job, into in zip(jobs, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, here.deadline + _GRACE - time.monotonic()))
    if broken:
        raise broken[0]
    return [
        result
        for (names, _), results in zip(jobs, found, strict=True)
        for result in _complete(names, list(results))
    ]


def _complete(names: Sequence[str], results: list[Result]) -> Iterator[Result]:
    yield from results
    for name in names[len(results) :]:
        yield failed(name, "not done in time", _OUT_OF_TIME)
