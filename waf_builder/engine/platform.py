"""Get an engine from a platform's own prebuilt archives of nginx and ModSecurity.

Scalingo publishes them for its buildpack (https://github.com/Scalingo/nginx-buildpack):
`<vendor>/<stack>/package/{nginx,modsecurity}-<version>.tgz`, each with an MD5 beside it. They
are made for /app/vendor, but nothing in them is used by that name: nginx is told its folders
when it starts, and finds the libraries by LD_LIBRARY_PATH. The rules do not come with them, nor
does unicode.mapping.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from waf_builder.archive import unpack
from waf_builder.download import (
    BRIEF,
    PATIENT,
    DownloadError,
    Patience,
    download,
    text_at,
)
from waf_builder.engine import layout, store
from waf_builder.engine.archives import DEFAULT, Digests, Versions, listed, write_listing
from waf_builder.engine.codepage import unicode_mapping
from waf_builder.engine.lean import make_lean
from waf_builder.engine.model import Start
from waf_builder.engine.probe import probe
from waf_builder.engine.smoke import smoke_test
from waf_builder.errors import EngineError, WafBuilderError
from waf_builder.paths import cache_dir
from waf_builder.progress import Progress

VENDOR_URL = "https://nginx-buildpack.s3.amazonaws.com"
VENDOR_SETTING = "VENDOR_URL"
"""The variable that names a mirror, for this buildpack as for Scalingo's."""

KEEPING = "keeping the engine that is there"
"""How the line begins that tells of an engine that could not be renewed."""

_MACHINE = "x86_64"
_STACK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MD5 = re.compile(r"[0-9a-f]{32}")
# A library is loaded by its versioned name; the bare `.so` is for compilers.
_LIBRARY = re.compile(r"(?:usr/)?lib/(?:[^/]+-linux-gnu/)?(lib[^/]+\.so\.[0-9][^/]*)")
_LIBRARIES = PurePosixPath("usr/lib/x86_64-linux-gnu")
_NGINX_FILES = {
    PurePosixPath("sbin/nginx"): PurePosixPath(layout.NGINX),
    # Where this nginx says that its modules are.
    PurePosixPath("modules", layout.MODULE): PurePosixPath(
        "app/vendor/nginx/modules", layout.MODULE
    ),
}


class ChangedError(EngineError):
    """An archive is not the one that was locked: no other engine may take its place."""


def folder(stack: str) -> Path:
    """Return where the engines of a stack are kept, apart from those that apt got."""
    return cache_dir().absolute() / "engines" / f"{stack}-{platform.machine()}-platform"


def get(  # noqa: PLR0913  each is a word at the call
    stack: str,
    progress: Progress,
    *,
    versions: Versions | None = None,
    vendor: str | None = None,
    locked: Mapping[str, str] | None = None,
    of: Path | None = None,
) -> Path:
    """Return the root of the engine for a stack, without rules; the one in the cache if current.

    progress: gets a line before each long step, and one that begins with KEEPING when an engine
    in the cache has to do since the server cannot be asked.
    versions: which archives, else DEFAULT.
    vendor: the address above the stacks' folders, else `$VENDOR_URL`, else Scalingo's.
    locked: archive names and the `sha256:<hex>` that they must have.
    of: where the engines are kept, instead of `folder(stack)`.
    EngineError says why there is none: then apt is the way, unless it is a ChangedError.
    """
    if not _STACK.fullmatch(stack):
        raise EngineError(f"{stack!r} is not the name of a stack, expected one such as scalingo-26")
    if platform.machine() != _MACHINE:
        raise EngineError(
            f"the platform's archives for {stack} are for {_MACHINE}, and this machine is"
            f" {platform.machine()}"
        )
    vendor = (vendor or os.environ.get(VENDOR_SETTING) or VENDOR_URL).rstrip("/")
    of = of or folder(stack)
    with store.locked(of, progress):
        try:
            return _Getting(vendor, stack, of, progress, versions or DEFAULT).run(locked or {})
        except OSError as error:
            raise EngineError(f"cannot put an engine into {of}: {error}") from error


class _Getting:
    def __init__(
        self, vendor: str, stack: str, of: Path, progress: Progress, versions: Versions
    ) -> None:
        self.base = f"{vendor}/{stack}/package"
        self.stack = stack
        self.of = of
        self.progress = progress
        self.versions = versions
        self.names = versions.archives()

    def run(self, locked: Mapping[str, str]) -> Path:
        good = store.current(self.of)
        known = listed(good) if good else {}
        suits = tuple(known) == self.names and _meets(known, locked)
        if good and suits and set(self.names) <= set(locked) and _works(good):
            return good  # it is what the lock says, whatever the server has by now
        try:
            published = {
                name: self.published_md5(name, BRIEF if suits else PATIENT) for name in self.names
            }
            same = published == {name: digests.md5 for name, digests in known.items()}
            if good and suits and same and _works(good):
                self.progress("the engine in the cache is the platform's current one, and works")
                return good
            return self.make(published, locked)
        except WafBuilderError as error:
            if good and suits and _works(good):
                self.progress(f"{KEEPING}: {error}")
                return good
            if isinstance(error, EngineError):
                raise
            raise EngineError(str(error)) from error

    def published_md5(self, name: str, patience: Patience) -> str:
        url = f"{self.base}/{name.removesuffix('.tgz')}.md5"
        try:
            said = text_at(url, progress=self.progress, patience=patience)
        except DownloadError as error:
            hint = "" if error.unreachable else "\n    Not every version is there for every stack."
            raise EngineError(f"{error}{hint}") from error
        md5 = (said.split() or [""])[0].lower()
        if not _MD5.fullmatch(md5):
            raise EngineError(f"{url} holds no MD5: it begins with {said[:40]!r}")
        return md5

    def make(self, published: Mapping[str, str], locked: Mapping[str, str]) -> Path:
        with store.staging(self.of) as staged:
            archives = {}
            for name in self.names:
                url = f"{self.base}/{name}"
                self.progress(f"getting {url}")
                archive = staged / name
                digest = f"md5:{published[name]}"
                sha256 = download(url, archive, digest, progress=self.progress)
                _require_locked(name, sha256, locked)
                archives[name] = Digests(published[name], sha256.partition(":")[2])
                unpack(archive, staged / "unpacked", _place)
                archive.unlink()  # with its headers and static libraries it is large
            self.progress("testing with real requests")
            root = self.assemble(staged)
            write_listing(root, self.stack, archives)
            return store.publish(root, self.of)

    def assemble(self, staged: Path) -> Path:
        unpacked = staged / "unpacked"
        mapping = unpacked / layout.UNICODE_MAPS[0]
        mapping.parent.mkdir(parents=True)
        mapping.write_text(unicode_mapping(), encoding="ascii")
        root = staged / "root"
        make_lean(unpacked, root, rules=False)
        _strip(root)
        facts = probe(root, _start(root))
        found = Versions(facts.nginx, facts.modsecurity)
        if found != self.versions:
            raise EngineError(
                f"the archives hold {_said(found)}, and their names say {_said(self.versions)}"
            )
        smoke_test(_start(root), facts.module)
        return root


def _place(name: PurePosixPath) -> PurePosixPath | None:
    """Return where a file of either archive goes in a folder with the layout of a system."""
    if library := _LIBRARY.fullmatch(str(name)):
        return _LIBRARIES / library[1]
    return _NGINX_FILES.get(name)


def _strip(root: Path) -> None:
    """Remove what is for debuggers, most of the size, where the machine has the tool for it."""
    strip = shutil.which("strip")
    binaries = [path for path in sorted(root.rglob("*")) if path.is_file() and _is_elf(path)]
    if strip is not None:
        # Failing costs space only: what comes out is tested before it is used.
        command = [strip, "--strip-unneeded", *map(str, binaries)]
        subprocess.run(command, capture_output=True, timeout=120, check=False)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _start(root: Path) -> Start:
    return Start(root / layout.NGINX, layout.loader(root), layout.library_path(root))


def _works(root: Path) -> bool:
    try:
        start = _start(root)
        smoke_test(start, probe(root, start).module)
    except (OSError, EngineError):
        return False
    return True


def _meets(known: Mapping[str, Digests], locked: Mapping[str, str]) -> bool:
    return all(
        f"sha256:{digests.sha256}" == locked.get(name, f"sha256:{digests.sha256}")
        for name, digests in known.items()
    )


def _require_locked(name: str, found: str, locked: Mapping[str, str]) -> None:
    wanted = locked.get(name, found)
    if wanted != found:
        raise ChangedError(
            f"{name} has changed since waf.lock was written: it was {wanted}, it is {found}\n"
            "    The platform published it anew under the same name. If that is fine, make the"
            " lock again:\n    waf-builder lock SPEC"
        )


def _said(versions: Versions) -> str:
    return f"nginx {versions.nginx} and ModSecurity {versions.modsecurity}"
