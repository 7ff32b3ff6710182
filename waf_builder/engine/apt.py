"""Get an engine by apt, without root and without installing anything.

Debian 12 and Ubuntu 24.04 are the first with nginx's ModSecurity module in a package of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from waf_builder.engine import allocator, store
from waf_builder.engine.lean import make_lean
from waf_builder.engine.packages import Apt, AptError, Package, installed, private_status
from waf_builder.errors import EngineError
from waf_builder.progress import Progress

# The library's name differs between releases (libmodsecurity3, libmodsecurity3t64); it follows.
PACKAGES = ("nginx", "libnginx-mod-http-modsecurity", "modsecurity-crs")

# Got even where the machine has them installed, so that the engine is whole.
_ABSENT = re.compile(
    r"nginx|nginx-(common|core|light|full|extras)|libnginx-mod-.*|libmodsecurity.*|modsecurity-crs"
    rf"|{allocator.PACKAGE}"
)
# Dependencies of the packages, not of the programs: 6 MB of headers, an editor of routes, and
# a kit that other modules link to. libnginx-mod-http-modsecurity runs without them.
NEEDLESS = ("iproute2", "libmodsecurity-dev", "libnginx-mod-http-ndk")

_OLD_ENGINE = "keeping the engine that is there"
_OLD_LISTS = "the package lists are those of the last time"
FALLBACKS = (_OLD_ENGINE, _OLD_LISTS)
"""How a message begins that tells of a registry which could not give what is newest."""

_LISTING = "packages.txt"
"""In an engine's root: the files it was made of, and their checksums."""

_WAYS_OUT = """\
    Other ways to an engine:
      - install nginx with its ModSecurity v3 module and the OWASP Core Rule Set by hand,
        then use --engine system (and --crs DIR where the rules are in a folder of their own)
      - --engine DIR: a folder with usr/sbin/nginx, its module and its libraries"""

_ADVICE = {
    r"is expired|is not valid yet": """\
    The lists of a package source do not fit this machine's clock: compare `date` with the right
    time; if that agrees, the source is no longer kept up to date.""",
    r"Unable to locate package|has no installation candidate": """\
    The first releases with these packages are Debian 12 and Ubuntu 24.04, there in the component
    `universe`.""",
    r"NO_PUBKEY|is not signed": """\
    The source's signing key is not on this machine; its documentation says how to add it.""",
    r"No space left|enough free space": """\
    Make room, or name another folder in $WAF_BUILDER_CACHE.""",
    r"Could not|Connection|Temporary failure|Failed to fetch": """\
    This machine does not reach its package sources: check the network and, behind a proxy, apt's
    setting Acquire::http::Proxy.""",
}
"""What apt's own words mean for the user; the first that matches is told."""


def get(progress: Progress, *, refresh: bool = False, of: Path | None = None) -> Path:
    """Return the root of an engine from this machine's package sources.

    refresh: look for a newer one although there is one in the cache; when that fails, the one
    that is there stays, and progress gets the reason.
    of: the folder of the engines, when it is not the cache's.
    EngineError says what failed, in apt's own words too, and the ways out.
    """
    of = of or store.folder()
    if (good := store.current(of)) is not None and not refresh:
        return good
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise EngineError(
                f"no engine by apt: this machine has no {program};"
                f" only Debian, Ubuntu and their kin do\n{_WAYS_OUT}"
            )
    with store.locked(of, progress):
        good = store.current(of)
        if good is not None and not refresh:
            return good
        try:
            status = private_status(_installed(), without=_ABSENT, placeholders=NEEDLESS)
            return fetch(Apt(of / "apt", status), of, progress, release=store.codename())
        except EngineError as error:
            if good is None:
                raise
            reason = str(error).removesuffix(f"\n{_WAYS_OUT}")
            progress(f"{_OLD_ENGINE}: {reason}")
            return good


def fetch(
    apt: Apt,
    of: Path,
    progress: Progress,
    *,
    release: str,
    libc: bool = False,
) -> Path:
    """Return the root of an engine from apt's package source, made the current one in `of`.

    The caller holds the store's lock.
    release: what messages call the package source.
    libc: whether a C library may come along; its engine then starts by its own loader.
    """
    try:
        packages, archives = _archives(apt, progress, release, libc=libc)
        listing = "".join(f"{package.file} {package.sha256}\n" for package in packages)
        good = store.current(of)
        if good is not None and _still_good(good, listing):
            progress("the engine in the cache is the newest, and works")
            return good
        with store.staging(of) as staged:
            progress("unpacking, and testing with real requests")
            root = _assemble(archives, staged, progress)
            (root / _LISTING).write_text(listing, encoding="utf-8")
            return store.publish(root, of)
    except OSError as error:
        raise EngineError(f"cannot put an engine into {of}: {error}") from error
    finally:
        apt.close()


def _archives(
    apt: Apt, progress: Progress, release: str, *, libc: bool
) -> tuple[list[Package], list[Path]]:
    """Return what apt chose, and its files."""
    for last_try in (False, True):
        progress(f"getting the package lists of {release}")
        complaints = apt.update(again=last_try)
        try:
            packages = _resolved(apt, progress)
            if not libc:
                _refuse_libc(packages, release)
            if stale := _stale(complaints, packages):
                progress(f"{_OLD_LISTS}: {stale}")
            missing = apt.missing(packages)
            size = sum(package.size for package in missing) / 1e6
            progress(f"getting {len(missing)} of {len(packages)} packages, {size:.1f} MB")
            return packages, apt.download(packages)
        except AptError as error:
            # A mirror that is just changing has lists that name files it no longer has.
            gone = any("404" in line for line in error.said)
            if gone and not last_try:
                continue
            raise EngineError(_explained(error, complaints, release)) from error
    raise AssertionError  # the last try returns or raises


def _resolved(apt: Apt, progress: Progress) -> list[Package]:
    """Return what apt chose, without jemalloc where there is none."""
    try:
        return apt.resolve((*PACKAGES, allocator.PACKAGE))
    except AptError as error:
        packages = apt.resolve(PACKAGES)
        progress(f"{allocator.WITHOUT}: {' '.join(error.said[:1]) or error}")
        return packages


def _stale(complaints: Sequence[str], packages: Sequence[Package]) -> str | None:
    """Return the complaint about a source that a package comes from; others do not matter."""
    sources = {package.uri.partition("/pool/")[0] for package in packages}
    return next((line for line in complaints if any(one in line for one in sources)), None)


def _refuse_libc(packages: Sequence[Package], release: str) -> None:
    # A second libc in LD_LIBRARY_PATH crashes programs that start with the machine's loader.
    if any(package.name == "libc6" for package in packages):
        raise EngineError(
            f"the engine of {release} needs a newer C library than this machine has:"
            " libc6 would have to come along, and the machine's own libraries with it\n"
            "    Bring the machine up to date (apt-get upgrade), then try again.\n"
            f"{_WAYS_OUT}"
        )


def _explained(error: AptError, complaints: Sequence[str], release: str) -> str:
    # The errors of the last step first; what the update complained about may be the cause.
    said = list(dict.fromkeys([*error.said, *complaints]))
    lines = [f"no engine by apt from {release}: {error}"]
    lines += [f"    apt says: {line}" for line in said[:6]]
    # Lists that did not come explain packages that are not found, so they are looked at first.
    for line in [*complaints, *error.said]:
        if advice := next((_ADVICE[known] for known in _ADVICE if re.search(known, line)), None):
            lines.append(advice)
            break
    return "\n".join([*lines, _WAYS_OUT])


def _assemble(archives: Sequence[Path], staged: Path, progress: Progress) -> Path:
    """Return a lean engine, made of archives below staged, that has served real requests."""
    unpacked = staged / "unpacked"
    for archive in archives:
        command = ["dpkg-deb", "-x", str(archive), str(unpacked)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if run.returncode != 0:
            raise EngineError(f"cannot unpack {archive}: {run.stderr.strip()}")
    root = staged / "root"
    make_lean(unpacked, root)
    try:
        allocator.prove(root)
    except EngineError as error:
        if not allocator.drop(root):
            raise
        allocator.prove(root)
        progress(f"{allocator.WITHOUT}: {str(error).splitlines()[0]}")
    return root


def _still_good(root: Path, listing: str) -> bool:
    try:
        if (root / _LISTING).read_text(encoding="utf-8") != listing:
            return False
        allocator.prove(root)
    except (OSError, UnicodeDecodeError, EngineError):
        return False
    return True


def _installed() -> str:
    try:
        return installed()
    except EngineError as error:
        raise EngineError(f"no engine by apt: {error}\n{_WAYS_OUT}") from error
