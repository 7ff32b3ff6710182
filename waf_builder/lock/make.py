"""Make the lock of a spec from what this machine has or can get, or compare it with one."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from waf_builder import __version__
from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.releases import choose_crs
from waf_builder.engine import platform
from waf_builder.engine.compat import check_pair
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.engine.model import Engine
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.lock.model import Lock, lock_of
from waf_builder.lock.read import lock_beside, read_lock
from waf_builder.lock.verify import verify
from waf_builder.lock.write import lock_text
from waf_builder.paths import cache_dir
from waf_builder.problem import Place, Problem, Severity, errors_in
from waf_builder.progress import Progress
from waf_builder.spec.load import load


def make_lock(spec: Path, engine: str | None, crs: str | None, progress: Progress) -> Lock:
    """Write the lock beside a spec, for the engine and rules that it would be served with.

    engine: as `find` takes it; crs: a version or a folder, else `$WAF_BUILDER_CRS`, else the
    spec's `waf.crs`, else the newest that the engine can load.
    WafBuilderError when the spec is wrong, when there is no engine, when only older rules can be
    had now, or when they do not go together.
    """
    of_the_spec = load(spec).spec.waf.crs
    wanted = crs or os.environ.get("WAF_BUILDER_CRS") or of_the_spec
    found = find(engine, OWN_CRS, progress)
    rules = choose_crs(found, wanted, cache_dir(), progress, best_only=True)
    _require_pair(found, rules)
    file = lock_beside(spec)
    lock = replace(lock_of(found, rules, __version__), file=str(file))
    _write(file, lock_text(lock, spec.name))
    return lock


def who_can_meet(lock: Lock) -> Problem | None:
    """Return a warning about a lock that a deploy elsewhere cannot meet, or None.

    In a container of the platform, which names its stack in `$STACK`, it is for that stack.
    """
    kind, release = lock.engine.kind, lock.engine.release
    if kind in {"system", "folder"}:
        return Problem(
            "lock.of-this-machine",
            f"no deploy can meet this lock: an engine of the kind '{kind}' is only on this machine",
            Place(lock.file),
            f"A deploy gets an engine of its own: `--engine apt` locks one of its kind. {_WAY_OUT}",
            Severity.WARNING,
        )
    if kind == "apt" and not os.environ.get("STACK"):
        return Problem(
            "lock.of-this-release",
            f"only a deploy on {release} can meet this lock: other systems have other packages",
            Place(lock.file),
            _WAY_OUT,
            Severity.WARNING,
        )
    return None


_WAY_OUT = "`scalingo --app APP run waf-builder lock` makes that of a deployed app, for its stack."


def check_lock(
    spec: Path, engine: str | None, crs: str | None, progress: Progress
) -> list[Problem]:
    """Return what is not as the lock beside a spec says; empty when it can be met here.

    engine: as `find` takes it, else the kind that is locked. crs: a folder or a version, else
    `$WAF_BUILDER_CRS`, else the version that is locked. WafBuilderError when there is no
    lock, when it is damaged, or when what it names cannot be had.
    """
    load(spec)
    file = lock_beside(spec)
    lock = read_lock(file)
    if lock is None:
        raise WafBuilderError(f"there is no {file}\n    `waf-builder lock {spec}` writes one.")
    found = _locked_engine(lock, engine, progress)
    wanted = crs or os.environ.get("WAF_BUILDER_CRS") or lock.wanted_crs
    rules = choose_crs(found, wanted, cache_dir(), progress, pins=lock.crs_pins)
    return verify(lock, found, rules)


def _locked_engine(lock: Lock, engine: str | None, progress: Progress) -> Engine:
    kind = lock.engine.kind
    where = engine or os.environ.get("WAF_BUILDER_ENGINE") or (kind if kind != "folder" else None)
    stack = os.environ.get("STACK")
    if where == "platform" and stack:
        root = platform.get(
            stack,
            progress,
            versions=lock.platform_versions,
            locked=lock.platform_archives(stack),
        )
        return find(str(root), OWN_CRS, progress)
    return find(where, OWN_CRS, progress)


def _require_pair(engine: Engine, rules: InstalledCrs) -> None:
    problems = check_pair(replace(engine, crs=rules))
    if errors_in(problems):
        raise ProblemsError(problems)


def _write(file: Path, text: str) -> None:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        staged = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            staged.chmod(0o644)
            staged.replace(file)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise WafBuilderError(f"{file} cannot be written: {error.strerror}") from error
