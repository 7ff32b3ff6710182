"""From a Lock to the text of a waf.lock: always in the same order, with what each part is for."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.lock.model import FORMAT, Lock, Part


def lock_text(lock: Lock, spec: str) -> str:
    """Return the file; spec is the name of the spec it stands beside."""
    return "".join(f"{line}\n" for line in _lines(lock, spec))


def _lines(lock: Lock, spec: str) -> Iterator[str]:
    yield f"# The engine and the rules that {spec} was proven with."
    yield "# A deploy takes exactly these, or fails and says what changed."
    yield f"# Commit it; to take what is current, make it again: waf-builder lock {spec}"
    yield f"lock: {FORMAT}"
    yield f'waf_builder: "{lock.made_by}"'
    yield ""
    engine = lock.engine
    yield "engine:"
    if engine.kind:
        yield f"  kind: {engine.kind}"
    if engine.release:
        yield f"  release: {engine.release}"
    yield from _part("nginx", engine.nginx)
    yield from _part("module", engine.module, "  # ModSecurity-nginx, the connector")
    yield from _part("libmodsecurity", engine.libmodsecurity)
    yield from _part("jemalloc", engine.jemalloc, "  # nginx's memory allocator")
    if engine.archives:
        yield "  archives:  # nginx with its module, and libmodsecurity with its libraries"
        for name, digest in engine.archives.items():
            yield f"    {name}: {digest}"
    yield ""
    yield "crs:"
    if lock.crs.version:
        yield f"  version: {lock.crs.version}"
    if lock.crs.digest:
        yield f"  digest: {lock.crs.digest}  # of its rules, not of an archive"


def _part(name: str, part: Part, comment: str = "") -> Iterator[str]:
    if part.version or part.digest:
        yield f"  {name}:{comment}"
    if part.version:
        yield f"    version: {part.version}"
    if part.digest:
        yield f"    digest: {part.digest}"
