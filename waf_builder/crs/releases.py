"""Choose the Core Rule Set for an engine: a folder, a release of the project, the engine's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from waf_builder.crs.digest import content_digest
from waf_builder.crs.fetch import kept, release
from waf_builder.crs.installed import InstalledCrs, find_crs
from waf_builder.crs.needs import too_old_for
from waf_builder.errors import EngineError, WafBuilderError
from waf_builder.progress import Progress
from waf_builder.version import Version, is_wanted_version

PINS: Mapping[Version, str] = MappingProxyType(
    {
        Version(3, 3, 9): "6e7c18d2a70577d437a37d635c1972576cb83c156fb2deab7ec85e1af22b5402",
        Version(3, 3, 10): "af3e4b02c27d2ab70dc38836595833732180b5cca2f4d68d52f1a4a0805b6965",
        Version(4, 25, 1): "84b0b275ed7cd86b12f80a7a99a18bcff9c337f3b1327fe638e3f774252fe582",
        Version(4, 28, 0): "585879f08abb32e16c75a797acc629a0a775aa2c17e00a1dab7ade4f03884538",
    }
)
"""What the releases hold, as `content_digest` has it, computed from the tags of
https://github.com/coreruleset/coreruleset."""

FALLBACKS = ("Core Rule Set",)
"""How the lines begin that tell of a rule set other than the one that was wanted."""


class Rules(Protocol):
    """What of an engine matters for the choice."""

    @property
    def crs(self) -> InstalledCrs | None:
        """The rule set that came with it."""

    @property
    def modsecurity_version(self) -> Version:
        """The version that has to load the rules."""


def choose_crs(  # noqa: PLR0913  each is a word at the call
    engine: Rules,
    wanted: str | None,
    cache: Path,
    progress: Progress,
    *,
    pins: Mapping[Version, str] = MappingProxyType({}),
    source: str | None = None,
    best_only: bool = False,
) -> InstalledCrs:
    """Return the rule set for engine, from the network if it is not in the cache.

    wanted: a folder; a version or the beginning of one (`4`, `4.25.1`); None for the newest that
    the engine can load.
    cache: where releases are kept, below `crs/`.
    progress: gets a line before a download, and one (see FALLBACKS) when another rule set than
    the best one has to do: that is never the case for an exact version.
    pins: content digests, `sha256:<hex>`, of further releases; they win over PINS, and hold for
    the engine's own rules too.
    source: where the archives are, instead of `$WAF_BUILDER_CRS_URL` or the project's.
    best_only: for a choice that is kept, which a server that is down should not make.
    EngineError says why there is none.
    """
    if wanted is not None and not is_wanted_version(wanted):
        return find_crs(Path(wanted).expanduser().absolute())
    known = _known(pins)
    own = _own(engine, wanted, pins)
    versions = [version for version in sorted(known, reverse=True) if _fits(version, wanted)]
    suitable = [version for version in versions if _suits(version, engine, wanted)]
    if own and not any(version > own.version for version in suitable):
        return own
    if not suitable:
        raise EngineError(_none_suits(wanted, versions, engine, known))
    folder = cache / "crs"
    best = suitable[0]
    try:
        return release(best, known[best], folder, progress, source=source)
    except WafBuilderError as error:
        reason = str(error)
    second = _second_best((kept(one, known[one], folder) for one in suitable[1:]), own)
    if second is None:
        raise EngineError(
            f"Core Rule Set {best} cannot be had: {reason}\n"
            f"    Neither the cache nor the engine has another one{_that_is(wanted)}. Try again"
            " later, or unpack a\n    release and name its folder: --crs DIR"
        )
    if best_only:
        raise EngineError(
            f"Core Rule Set {best} cannot be had: {reason}\n"
            f"    Try again later, or take older rules on purpose: --crs {second.version}"
        )
    told = reason.replace("\n", "\n    ")
    whose = "the engine's own" if second is own else "in the cache"
    progress(
        f"Core Rule Set {best} cannot be had, so {second.version} is used, which is {whose}: {told}"
    )
    return second


def _second_best(
    releases: Iterable[InstalledCrs | None], own: InstalledCrs | None
) -> InstalledCrs | None:
    """Return the newest of the releases that are here, newest first, or the engine's own."""
    here = next(filter(None, releases), None)
    return here if here and not (own and own.version >= here.version) else own


def crs_here(
    engine: Rules,
    wanted: str,
    cache: Path,
    *,
    pins: Mapping[Version, str] = MappingProxyType({}),
) -> InstalledCrs:
    """Return the newest rule set as `choose_crs` does, of those that are on this machine.

    EngineError when none is: nothing is ever got over the network.
    """
    if not is_wanted_version(wanted):
        return find_crs(Path(wanted).expanduser().absolute())
    known = _known(pins)
    suitable = [version for version in known if _suits(version, engine, wanted)]
    here = [kept(version, known[version], cache / "crs") for version in suitable]
    found = [crs for crs in (_own(engine, wanted, pins), *here) if crs]
    if not found:
        own = f"the engine's own is {engine.crs.version}" if engine.crs else "the engine has none"
        raise EngineError(
            f"Core Rule Set {wanted} is not here: {own}, and no release is in the cache\n"
            "    `waf-builder run` and `waf-builder lock` get one; or unpack a release and name its"
            " folder:\n    --crs DIR"
        )
    return max(found, key=lambda crs: crs.version)


def _known(pins: Mapping[Version, str]) -> dict[Version, str]:
    return {**{version: f"sha256:{digest}" for version, digest in PINS.items()}, **pins}


def _own(engine: Rules, wanted: str | None, pins: Mapping[Version, str]) -> InstalledCrs | None:
    """Return the engine's own rules if they may be used."""
    own = engine.crs
    if own is None or not _suits(own.version, engine, wanted):
        return None
    pin = pins.get(own.version)
    return own if pin is None or content_digest(own.folder) == pin else None


def _fits(version: Version, wanted: str | None) -> bool:
    return wanted is None or version.fits(wanted)


def _suits(version: Version, engine: Rules, wanted: str | None) -> bool:
    return _fits(version, wanted) and too_old_for(version, engine.modsecurity_version) is None


def _that_is(wanted: str | None) -> str:
    return f" that is {wanted}" if wanted else ""


def _none_suits(
    wanted: str | None, versions: list[Version], engine: Rules, known: Mapping[Version, str]
) -> str:
    if versions:
        newest = versions[0]
        pair = too_old_for(newest, engine.modsecurity_version)
        assert pair is not None  # noqa: S101  else it would be suitable
        return (
            f"Core Rule Set {wanted or newest} needs libmodsecurity {pair.needs} or newer, this is"
            f" {engine.modsecurity_version}: {pair.reason}, which older ones cannot read\n"
            "    Take another rule set (4.28.0 loads on 3.0.9 too), or a newer engine."
        )
    listed = ", ".join(str(version) for version in sorted(known))
    own = f"; the engine's own is {engine.crs.version}" if engine.crs else ""
    return (
        f"Core Rule Set {wanted} is not known here: {listed}{own}\n"
        "    To use another release, unpack it and name its folder (--crs DIR), or put its"
        " version and the\n    digest of its content into waf.lock."
    )
