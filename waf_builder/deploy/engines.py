"""Which engine a deploy gets, and from where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from waf_builder.crs import releases
from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.releases import choose_crs
from waf_builder.deploy.model import DeployError
from waf_builder.engine import apt, platform
from waf_builder.engine.find import OWN_CRS, Progress, find
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError
from waf_builder.lock.model import Lock
from waf_builder.paths import cache_dir

SETTING = "WAF_BUILDER_ENGINE"
CRS_SETTING = "WAF_BUILDER_CRS"

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


@dataclass(frozen=True)
class Found:
    """An engine in the cache with its rules, and where it is from.

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
            self.kept.append(
                f"The package registry cannot give the newest engine.\n\n  {message}\n\n{_OLD}"
            )
        elif message.startswith(releases.FALLBACKS):
            self.kept.append(f"The newest rules cannot be had.\n\n  {message}\n\n{_OLD}")
        else:
            self.progress(message)


def engine_for(wish: Wish, progress: Progress) -> Found:
    """Return an engine with rules; DeployError says why there is none, or what has changed.

    On a stack of the platform its own archives come first, and packages take over loudly.
    """
    if wish.source is not None and wish.source not in SOURCES:
        raise DeployError(
            f"{SETTING} is '{wish.source}', expected {' or '.join(SOURCES)}, or nothing.\n\n"
            "It forces where nginx and ModSecurity come from. Mend or unset it:\n"
            f"'scalingo env-unset {SETTING}'."
        )
    remarks = _Remarks(progress)
    forced = wish.source or _locked_source(wish.lock)
    try:
        engine, source = _engine(wish, forced, remarks)
        engine = replace(engine, crs=_rules(wish, engine, remarks))
    except EngineError as error:
        raise DeployError(_no_engine(wish.stack, str(error))) from error
    return Found(engine, source, tuple(remarks.kept))


def _locked_source(lock: Lock | None) -> str | None:
    return lock.engine.kind if lock and lock.engine.kind in SOURCES else None


def _engine(wish: Wish, forced: str | None, remarks: _Remarks) -> tuple[Engine, str]:
    if forced == "platform" or (forced is None and wish.stack.startswith(_PLATFORM_STACK)):
        try:
            return _by_platform(wish, remarks), f"the platform's archives, {wish.stack}"
        except platform.ChangedError as error:
            raise DeployError(f"The engine is not the one that is locked.\n\n{error}") from error
        except EngineError as error:
            if forced:
                raise
            remarks.kept.append(
                f"The platform's own engine cannot be had, so packages take its place.\n\n  {error}"
            )
    root = apt.get(remarks, refresh=True)
    return find(str(root), OWN_CRS), f"apt, {wish.stack}"


def _by_platform(wish: Wish, remarks: _Remarks) -> Engine:
    lock = wish.lock
    root = platform.get(
        wish.stack,
        remarks,
        versions=lock.platform_versions if lock else None,
        vendor=wish.vendor,
        locked=lock.platform_archives(wish.stack) if lock else None,
    )
    return find(str(root), OWN_CRS)


def _rules(wish: Wish, engine: Engine, remarks: _Remarks) -> InstalledCrs:
    """Return the rules; where a platform's engine finds none, those of the distribution do."""
    lock = wish.lock
    wanted = (lock.wanted_crs if lock else None) or wish.crs
    pins = lock.crs_pins if lock else {}
    try:
        return choose_crs(engine, wanted, cache_dir(), remarks, pins=pins, source=wish.crs_url)
    except EngineError:
        if engine.crs or wanted:
            raise
        packaged = find(str(apt.get(remarks, refresh=True)), OWN_CRS)
        remarks.kept.append("The project's rules cannot be had, so the distribution's are used.")
        return choose_crs(
            replace(engine, crs=packaged.crs), None, cache_dir(), remarks, source=wish.crs_url
        )


_OLD = """\
This deploy goes on with what the last one left in the cache. Deploy again when the registry
is back, to get security fixes that it may have."""


def _no_engine(stack: str, reason: str) -> str:
    # The ways out that a message names are those of the command line.
    reason = reason.partition("\n    Other ways to an engine:")[0]
    said = "\n".join(f"  {line.removeprefix('    ')}" for line in reason.splitlines())
    return (
        f"No engine for {stack}: nginx with ModSecurity and the Core Rule Set.\n\n"
        f"{said}\n\n"
        "Without them nothing protects the app, so the deploy stops here; what was deployed\n"
        "last keeps running. If a registry is down, deploy again later. If this stack does not\n"
        "have the packages, choose a newer one: 'scalingo stacks-set scalingo-26'."
    )


def moved(engine: Engine, root: Path, crs: Path | None = None) -> Engine:
    """Return the same engine after its root was copied to `root`, and its rules to `crs`.

    crs: where the rules are that were not below the engine's old root; None if they were.
    """

    def there(path: Path) -> Path:
        return root / path.relative_to(engine.root)

    rules = engine.crs
    if rules is not None:
        rules = InstalledCrs(crs or there(rules.folder), rules.version)
    return replace(
        engine,
        root=root,
        nginx=there(engine.nginx),
        module=there(engine.module),
        loader=there(engine.loader) if engine.loader else None,
        library_path=tuple(there(folder) for folder in engine.library_path),
        unicode_map=there(engine.unicode_map),
        crs=rules,
    )
