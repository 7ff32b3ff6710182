"""What a waf.lock holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from waf_builder.crs.digest import content_digest
from waf_builder.crs.installed import InstalledCrs
from waf_builder.download import digest_of
from waf_builder.engine import archives, store
from waf_builder.engine.allocator import version_of
from waf_builder.engine.libraries import libraries
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError
from waf_builder.version import Version

FILE = "waf.lock"
"""Its name; it stands beside the spec."""
FORMAT = 1
"""The form of the file; a higher number is of a newer waf-builder."""

Kind = Literal["platform", "apt", "system", "folder"]
KINDS: tuple[Kind, ...] = ("platform", "apt", "system", "folder")


@dataclass(frozen=True)
class Part:
    """One part of an engine; None is not locked.

    digest: of its file, `sha256:<hex>`.
    """

    version: Version | None = None
    digest: str | None = None


@dataclass(frozen=True)
class LockedEngine:
    """The engine: what of it is None or empty is not locked.

    kind: where it is from. release: the system that it is for, a stack such as `scalingo-26` or
    a distribution's release such as `trixie`. jemalloc: none for an engine without, and for
    `platform`, where it comes from elsewhere. archives: for `platform` the files that it is made
    of, and their digests.
    """

    kind: Kind | None = None
    release: str | None = None
    nginx: Part = Part()
    module: Part = Part()
    libmodsecurity: Part = Part()
    jemalloc: Part = Part()
    archives: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LockedCrs:
    """The Core Rule Set; digest is that of its content (waf_builder.crs.digest)."""

    version: Version | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Lock:
    """A whole waf.lock; file is what messages about it name."""

    made_by: str = ""
    engine: LockedEngine = LockedEngine()
    crs: LockedCrs = LockedCrs()
    file: str = FILE

    @property
    def platform_versions(self) -> archives.Versions:
        """What `platform.get` takes as `versions`, for this lock."""
        return archives.Versions(
            self.engine.nginx.version or archives.DEFAULT.nginx,
            self.engine.libmodsecurity.version or archives.DEFAULT.modsecurity,
        )

    def platform_archives(self, stack: str) -> Mapping[str, str]:
        """Return what `platform.get` takes as `locked`; nothing for a stack that is not locked."""
        return self.engine.archives if self.engine.release in {None, stack} else {}

    @property
    def wanted_crs(self) -> str | None:
        """What `choose_crs` takes as `wanted`, for this lock."""
        return str(self.crs.version) if self.crs.version else None

    @property
    def crs_pins(self) -> dict[Version, str]:
        """What `choose_crs` takes as `pins`, for this lock."""
        both = self.crs.version and self.crs.digest
        return {self.crs.version: self.crs.digest} if both else {}  # type: ignore[dict-item]


def lock_of(engine: Engine, crs: InstalledCrs, made_by: str) -> Lock:
    """Return the lock that these meet; EngineError when a file of them cannot be read.

    Of a platform's engine the archives are locked and not what is made of them, which depends on
    the machine's `strip`; nor is its jemalloc, which is none of them, and a deploy does without.
    """
    found = observed(engine, crs, made_by)
    if not found.engine.archives:
        return found
    parts = ("nginx", "module", "libmodsecurity")
    bare = {name: replace(getattr(found.engine, name), digest=None) for name in parts}
    return replace(found, engine=replace(found.engine, jemalloc=Part(), **bare))


def observed(engine: Engine, crs: InstalledCrs, made_by: str) -> Lock:
    """Return all that could be locked of an engine and rules."""
    try:
        digests = {name: digest_of(path) for name, path in _files(engine)}
        content = content_digest(crs.folder)
    except OSError as error:
        raise EngineError(f"{error.filename} cannot be read: {error.strerror}") from error
    kind = kind_of(engine)
    return Lock(
        made_by=made_by,
        engine=LockedEngine(
            kind=kind,
            release=archives.stack_of(engine.root)
            or (None if kind == "folder" else store.codename()),
            nginx=Part(engine.nginx_version, digests["nginx"]),
            module=Part(engine.connector_version, digests["module"]),
            libmodsecurity=Part(engine.modsecurity_version, digests.get("libmodsecurity")),
            jemalloc=Part(
                version_of(engine.allocator) if engine.allocator else None, digests.get("jemalloc")
            ),
            archives=archives.archives_of(engine.root),
        ),
        crs=LockedCrs(crs.version, content),
    )


def kind_of(engine: Engine) -> Kind:
    """Return where an engine is from, by what is in its root."""
    if engine.root == Path("/"):
        return "system"
    if archives.archives_of(engine.root):
        return "platform"
    return "apt" if (engine.root / "packages.txt").is_file() else "folder"


def _files(engine: Engine) -> list[tuple[str, Path]]:
    linked = libraries(engine.module, engine.start)
    library = [
        ("libmodsecurity", path)
        for name, path in linked.items()
        if path and name.startswith("libmodsecurity.so")
    ]
    allocator = [("jemalloc", engine.allocator)] if engine.allocator else []
    return [("nginx", engine.nginx), ("module", engine.module), *library, *allocator]
