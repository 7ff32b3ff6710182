"""Which engine a deploy gets, and from where."""

from __future__ import annotations

from dataclasses import dataclass, replace

from waf_builder.crs import releases
from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.releases import choose_crs, crs_here
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.deploy.paragraphs import (
    BY_PACKAGES,
    CRS_SETTING,
    OLD,
    OLD_RULES,
    SETTING,
    bare,
    lock_not_met,
    no_engine,
    no_rules,
    quoted,
    unknown_source,
)
from waf_builder.engine import allocator, apt, platform, store
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.engine.model import Engine
from waf_builder.engine.smoke import smoke_test
from waf_builder.errors import EngineError
from waf_builder.lock.model import Lock, LockedCrs
from waf_builder.lock.verify import verify
from waf_builder.paths import cache_dir
from waf_builder.problem import errors_in
from waf_builder.progress import Progress
from waf_builder.version import is_wanted_version

VENDOR_SETTING = "VENDOR_URL"
CRS_URL_SETTING = "WAF_BUILDER_CRS_URL"

SOURCES = ("platform", "apt")
"""What the setting may name, the first first: prebuilt archives of the platform, or packages."""

_PLATFORM_STACK = "scalingo-"
"""A stack with this beginning has prebuilt archives."""


@dataclass(frozen=True)
class Wish:
    """What a deploy asks for.

    source: one of SOURCES, or None for what suits the stack. crs: a version or a folder, or None
    for the newest that the engine takes. lock: what must be met, if the app has a waf.lock.
    vendor, crs_url: where archives are, instead of the platform's and the project's own places.
    """

    stack: str
    source: str | None = None
    crs: str | None = None
    lock: Lock | None = None
    vendor: str | None = None
    crs_url: str | None = None

    @classmethod
    def of(cls, deploy: Deploy) -> Wish:
        """Return what the settings of a deploy ask for, whatever its spec and its lock say."""
        return cls(
            deploy.stack,
            deploy.setting(SETTING),
            deploy.setting(CRS_SETTING),
            vendor=deploy.setting(VENDOR_SETTING),
            crs_url=deploy.setting(CRS_URL_SETTING),
        )


@dataclass(frozen=True)
class Found:
    """An engine in the cache, and where it is from.

    remarks: what the user should hear, such as a registry that is down.
    """

    engine: Engine
    source: str
    remarks: tuple[str, ...] = ()


class _Remarks:
    """Keeps apart what a person must hear from what only shows that it goes on."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.kept: list[str] = []

    def __call__(self, message: str) -> None:
        if message.startswith((*apt.FALLBACKS, platform.KEEPING)):
            self.keep("The newest engine cannot be had.", message, OLD)
        elif message.startswith(releases.FALLBACKS):
            self.keep("The newest rules cannot be had.", message, OLD_RULES)
        else:
            self.progress(message)

    def keep(self, title: str, reason: str, what_now: str) -> None:
        self.kept.append(f"{title}\n\n{quoted(reason)}\n\n{what_now}")


def engine_for(wish: Wish, progress: Progress) -> Found:
    """Return an engine as it came; DeployError says why there is none, or what has changed.

    On a stack of the platform its own archives come first, and packages take over loudly.
    What a lock leaves no choice about is taken from the cache without asking a server.
    """
    if wish.source is not None and wish.source not in SOURCES:
        raise DeployError(unknown_source(wish.source, SOURCES))
    _wanted_crs(wish)  # a spec and a lock that disagree are not worth waiting for
    remarks = _Remarks(progress)
    locked = _locked_source(wish.lock)
    try:
        engine, source = _engine(wish, wish.source or locked, remarks)
    except EngineError as error:
        if isinstance(error, platform.ChangedError) or (locked and not wish.source):
            raise DeployError(lock_not_met(quoted(bare(error)))) from error
        raise DeployError(no_engine(wish.stack, wish.source, bare(error))) from error
    return Found(engine, source, tuple(remarks.kept))


def with_rules(wish: Wish, found: Found, progress: Progress) -> Found:
    """Return the engine with the rules that are wished for; DeployError as `engine_for`."""
    wanted = _wanted_crs(wish)
    engine, remarks = found.engine, _Remarks(progress)
    try:
        engine = replace(engine, crs=_rules(wish, wanted, engine, remarks))
    except EngineError as error:
        if wanted and wish.lock and wanted == wish.lock.wanted_crs:
            said = "\n".join([*_changed_rules(wish.lock, engine), bare(error)])
            raise DeployError(lock_not_met(quoted(said))) from error
        raise DeployError(no_rules(wanted, bare(error))) from error
    return Found(engine, found.source, (*found.remarks, *remarks.kept))


def _locked_source(lock: Lock | None) -> str | None:
    kind = lock.engine.kind if lock else None
    if kind is not None and kind not in SOURCES:
        raise DeployError(
            lock_not_met(
                f"  It locks an engine of the kind '{kind}', which only that machine has where it\n"
                "  was made. A deploy gets its own: 'waf-builder lock --engine apt' names it."
            )
        )
    return kind


def _wanted_crs(wish: Wish) -> str | None:
    """Return which rules to take: those that are locked, unless a folder has them."""
    locked = wish.lock.crs.version if wish.lock else None
    if locked is None or (wish.crs and not is_wanted_version(wish.crs)):
        return wish.crs
    if wish.crs and not locked.fits(wish.crs):
        raise DeployError(
            lock_not_met(
                f"  It locks the Core Rule Set {locked}, and the spec's 'waf: crs:' or"
                f" {CRS_SETTING} asks for {wish.crs}."
            )
        )
    return str(locked)


def _changed_rules(lock: Lock, engine: Engine) -> list[str]:
    """Return what to say where the engine has the locked version of the rules, but not the rules.

    It is the cause of what comes then: they are looked for as a release of the project.
    """
    if engine.crs is None or engine.crs.version != lock.crs.version:
        return []
    return [problem.message for problem in verify(Lock(crs=lock.crs), engine, engine.crs)]


def _engine(wish: Wish, forced: str | None, remarks: _Remarks) -> tuple[Engine, str]:
    refused = None
    if forced == "platform" or (forced is None and wish.stack.startswith(_PLATFORM_STACK)):
        try:
            return _by_platform(wish, remarks), f"the platform's archives, {wish.stack}"
        except platform.ChangedError:
            raise
        except EngineError as error:
            if forced:
                raise
            refused = error
            remarks.keep("The platform's own engine cannot be had.", str(error), BY_PACKAGES)
    try:
        return _by_apt(wish, remarks), f"apt, {wish.stack}"
    except EngineError as error:
        if refused is None:
            raise
        # The remark about it is lost with the deploy, and it may be the one to mend.
        raise EngineError(
            f"{bare(error)}\nno engine of the platform's archives: {refused}"
        ) from error


def _by_platform(wish: Wish, remarks: _Remarks) -> Engine:
    lock = wish.lock
    root = platform.get(
        wish.stack,
        remarks,
        versions=lock.platform_versions if lock else None,
        vendor=wish.vendor,
        locked=lock.platform_archives(wish.stack) if lock else None,
    )
    allocator.add(root, remarks)
    return find(str(root), OWN_CRS)


def _by_apt(wish: Wish, remarks: _Remarks) -> Engine:
    kept = _kept_as_locked(wish.lock)
    return kept or find(str(apt.get(remarks, refresh=True)), OWN_CRS)


def _kept_as_locked(lock: Lock | None) -> Engine | None:
    """Return the engine of packages in the cache if a lock names each of its files, and it works.

    The registry may have a newer one by now, which would not do.
    """
    root = store.current()
    if lock is None or root is None:
        return None
    parts = (lock.engine.nginx, lock.engine.module, lock.engine.libmodsecurity)
    if not all(part.digest for part in parts):
        return None
    try:
        engine = find(str(root), OWN_CRS)
        same = engine.crs and not errors_in(
            verify(replace(lock, crs=LockedCrs()), engine, engine.crs)
        )
        if not same:
            return None
        smoke_test(engine.start, engine.module)
    except (OSError, EngineError):
        return None
    return engine


def _rules(wish: Wish, wanted: str | None, engine: Engine, remarks: _Remarks) -> InstalledCrs:
    """Return the rules; where a platform's engine finds none, those of the distribution do."""
    pins = wish.lock.crs_pins if wish.lock else {}
    try:
        return choose_crs(engine, wanted, cache_dir(), remarks, pins=pins, source=wish.crs_url)
    except EngineError as error:
        if engine.crs or (wanted and not is_wanted_version(wanted)):
            raise
        reason = bare(error)
    try:
        packaged = find(str(apt.get(remarks, refresh=True)), OWN_CRS).crs
        version = str(packaged.version) if packaged else "4"
        found = crs_here(replace(engine, crs=packaged), wanted or version, cache_dir(), pins=pins)
    except EngineError as error:
        raise EngineError(f"{reason}\nthe distribution's will not do: {bare(error)}") from error
    if wanted != str(found.version):
        title = f"The newest rules cannot be had, so the distribution's {found.version} are used."
        remarks.keep(title, reason, OLD_RULES)
    return found
