"""Two locks compared, and the rule sets that they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from waf_builder.crs.digest import content_digest
from waf_builder.crs.fetch import kept, release
from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.releases import PINS
from waf_builder.diff.change import Change, value_changes
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.errors import EngineError, WafBuilderError
from waf_builder.lock.model import Lock, Part
from waf_builder.progress import Progress

_WAY_OUT = (
    "Unpack both releases and compare their folders, or run this where `waf-builder lock` has been"
    " run."
)


def lock_changes(old: Lock, new: Lock) -> Iterator[Change]:
    """Yield what differs between two locks."""
    yield from value_changes(_said(old), _said(new))


def _said(lock: Lock) -> dict[str, str]:
    engine = lock.engine
    parts = {
        "nginx": engine.nginx,
        "module": engine.module,
        "libmodsecurity": engine.libmodsecurity,
        "jemalloc": engine.jemalloc,
        "Core Rule Set": Part(lock.crs.version, lock.crs.digest),
    }
    said = {"engine": engine.kind or "", "release": engine.release or ""}
    for name, part in parts.items():
        said[name] = str(part.version or "")
        said[f"{name}, digest"] = part.digest or ""
    said |= engine.archives
    return said | {"waf-builder": lock.made_by}


def rules_of(lock: Lock, engine: str | None, cache: Path, progress: Progress) -> InstalledCrs:
    """Return the rule set that a lock names: from the cache, an engine here, or its project.

    engine: as `find` takes it. EngineError when it cannot be had.
    """
    version = lock.crs.version
    if version is None:
        raise EngineError(f"{lock.file} names no Core Rule Set")
    known = PINS.get(version)
    digest = lock.crs.digest or (f"sha256:{known}" if known else None)
    if digest and (here := kept(version, digest, cache / "crs")):
        return here
    own = _own(engine, progress)
    if own and own.version == version and digest in {None, content_digest(own.folder)}:
        return own
    if digest is None:
        raise _missing(
            lock, "no release with this number is known here, and the lock has no digest"
        )
    try:
        return release(version, digest, cache / "crs", progress)
    except WafBuilderError as error:
        raise _missing(lock, str(error).splitlines()[0]) from None


def _own(engine: str | None, progress: Progress) -> InstalledCrs | None:
    try:
        return find(engine, OWN_CRS, progress).crs
    except EngineError:
        if engine:
            raise
        return None


def _missing(lock: Lock, reason: str) -> EngineError:
    return EngineError(
        f"Core Rule Set {lock.crs.version} of {lock.file} cannot be had: {reason}\n    {_WAY_OUT}"
    )
