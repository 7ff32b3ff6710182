"""Whether an engine and rules are those of a lock, and what changed if they are not."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder import __version__
from waf_builder.crs.installed import InstalledCrs
from waf_builder.engine.model import Engine
from waf_builder.lock.model import Lock, LockedEngine, Part, observed
from waf_builder.problem import Place, Problem, Severity

_HINT = (
    "To go back, restore what it was. If what is there now is fine, make the lock again"
    " (waf-builder lock SPEC) and look at the difference."
)


def verify(lock: Lock, engine: Engine, crs: InstalledCrs) -> list[Problem]:
    """Return what of the engine and the rules is not as locked, a problem each; empty if all is.

    What the lock leaves out is not compared. Another version of waf-builder is only a note: it
    may render another configuration, which is proven anew.
    """
    found = observed(engine, crs, __version__)
    return [
        *_engine(lock.engine, found.engine, lock.file),
        *_part("the Core Rule Set", "crs", _as_part(lock), _as_part(found), lock.file),
        *_made_by(lock, found),
    ]


def _engine(lock: LockedEngine, found: LockedEngine, file: str) -> Iterator[Problem]:
    other = False
    for name, was, now in (
        ("kind", lock.kind, found.kind),
        ("release", lock.release, found.release),
    ):
        if was and was != now:
            other = True
            yield _problem(f"engine-{name}", f"the engine's {name}", was, now or "unknown", file)
    for code, name, part, there in (
        ("nginx", "nginx", lock.nginx, found.nginx),
        ("module", "the module", lock.module, found.module),
        ("libmodsecurity", "libmodsecurity", lock.libmodsecurity, found.libmodsecurity),
        ("jemalloc", "jemalloc", lock.jemalloc, found.jemalloc),
    ):
        # Of another kind or for another release, every file differs, and that says nothing.
        wanted = Part(part.version) if other else part
        yield from _part(name, code, wanted, there, file)
    for name, digest in () if other else lock.archives.items():
        if found.archives.get(name) != digest:
            there_is = found.archives.get(name) or ", ".join(found.archives) or "none"
            yield _problem("archive", name, digest, there_is, file)


def _part(name: str, code: str, lock: Part, found: Part, file: str) -> Iterator[Problem]:
    if lock.version and lock.version != found.version:
        there = "unknown" if found.digest else "none"
        yield _problem(code, name, str(lock.version), str(found.version or there), file)
    elif lock.digest and found.digest and lock.digest != found.digest:
        same = f"{name} {lock.version}, the same version," if lock.version else name
        yield _problem(code, same, lock.digest, found.digest, file)


def _problem(code: str, what: str, was: str, now: str, file: str) -> Problem:
    return Problem(
        f"lock.{code}", f"{what} has changed: locked is {was}, here is {now}", Place(file), _HINT
    )


def _made_by(lock: Lock, found: Lock) -> Iterator[Problem]:
    if lock.made_by and lock.made_by != found.made_by:
        yield Problem(
            "lock.waf-builder",
            f"waf-builder has changed: the lock was made by {lock.made_by}, this is"
            f" {found.made_by}",
            Place(lock.file),
            "It may render other files; the engine and the rules are compared all the same.",
            Severity.NOTE,
        )


def _as_part(lock: Lock) -> Part:
    return Part(lock.crs.version, lock.crs.digest)
