"""Choose the Core Rule Set for an engine: a folder, a release of the project, the engine's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Protocol

from waf_builder.archive import ArchiveError, unpack
from waf_builder.crs.digest import SETUP, content_digest
from waf_builder.crs.installed import InstalledCrs, crs_in, find_crs
from waf_builder.crs.needs import too_old_for
from waf_builder.download import DownloadError, download
from waf_builder.errors import EngineError, WafBuilderError
from waf_builder.version import Version, is_wanted_version

Progress = Callable[[str], None]

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

RELEASES = "https://github.com/coreruleset/coreruleset/archive/refs/tags"
"""Where the project's archives are, `vX.Y.Z.tar.gz`; `$WAF_BUILDER_CRS_URL` names a mirror."""
URL_SETTING = "WAF_BUILDER_CRS_URL"

FALLBACKS = ("Core Rule Set",)
"""How the lines begin that tell of a rule set other than the one that was wanted."""

_KEPT = ("rules", "plugins")
_KEPT_FILES = (SETUP, "LICENSE")
_MAX_BYTES = 32 * 1024**2
"""A release has some 600 KB packed and 5 MB unpacked."""


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
) -> InstalledCrs:
    """Return the rule set for engine, from the network if it is not in the cache.

    wanted: a folder; a version or the beginning of one (`4`, `4.25.1`); None for the newest that
    the engine can load.
    cache: where releases are kept, below `crs/`.
    progress: gets a line before a download, and one (see FALLBACKS) when another rule set than
    the best one has to do: that is never the case for an exact version.
    pins: content digests, `sha256:<hex>`, of further releases; they win over PINS, and hold for
    the engine's own rules too.
    source: where the archives are, instead of `$WAF_BUILDER_CRS_URL` or RELEASES.
    EngineError says why there is none.
    """
    if wanted is not None and not is_wanted_version(wanted):
        return find_crs(Path(wanted).expanduser().absolute())
    known = {**{version: f"sha256:{digest}" for version, digest in PINS.items()}, **pins}
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
    second = next((here for one in suitable[1:] if (here := kept(one, known[one], folder))), None)
    if own and not (second and second.version > own.version):
        second = own
    if second is None:
        raise EngineError(
            f"Core Rule Set {best} cannot be had: {reason}\n"
            f"    Neither the cache nor the engine has another one{_that_is(wanted)}. Try again"
            " later, or unpack a\n    release and name its folder: --crs DIR"
        )
    told = reason.replace("\n", "\n    ")
    whose = "the engine's own" if second is own else "in the cache"
    progress(
        f"Core Rule Set {best} cannot be had, so {second.version} is used, which is {whose}: {told}"
    )
    return second


def _own(engine: Rules, wanted: str | None, pins: Mapping[Version, str]) -> InstalledCrs | None:
    """Return the engine's own rules if they may be used."""
    own = engine.crs
    if own is None or not _suits(own.version, engine, wanted):
        return None
    pin = pins.get(own.version)
    return own if pin is None or content_digest(own.folder) == pin else None


def release(
    version: Version,
    digest: str,
    folder: Path,
    progress: Progress,
    *,
    source: str | None = None,
) -> InstalledCrs:
    """Return a release whose content has this digest, kept in folder; got if it is not there.

    WafBuilderError when it cannot be had, or holds something else.
    """
    if (here := kept(version, digest, folder)) is not None:
        return here
    base = (source or os.environ.get(URL_SETTING) or RELEASES).rstrip("/")
    url = f"{base}/v{version}.tar.gz"
    progress(f"getting the Core Rule Set {version} from {url}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=folder) as name:
            archive = Path(name) / "archive.tar.gz"
            download(url, archive, progress=progress, max_bytes=_MAX_BYTES)
            unpacked = Path(name) / "unpacked"
            unpacked.mkdir()
            unpack(archive, unpacked, _place, max_bytes=4 * _MAX_BYTES)
            _require_content(url, unpacked, version, digest)
            _publish(unpacked, _home(version, digest, folder))
    except OSError as error:
        raise EngineError(f"cannot keep the Core Rule Set in {folder}: {error}") from error
    return InstalledCrs(_home(version, digest, folder), version)


def kept(version: Version, digest: str, folder: Path) -> InstalledCrs | None:
    """Return a release that folder holds, whole and with this digest; None if it does not."""
    home = _home(version, digest, folder)
    try:
        return InstalledCrs(home, version) if content_digest(home) == digest else None
    except OSError:
        return None


def _home(version: Version, digest: str, folder: Path) -> Path:
    return folder / f"{version}-{digest.partition(':')[2][:12]}"


def _publish(unpacked: Path, home: Path) -> None:
    unpacked.chmod(0o755)
    if home.exists():  # damaged, or just made by another process
        shutil.rmtree(home)
    unpacked.rename(home)


def _place(name: PurePosixPath) -> PurePosixPath | None:
    """Return where a file of the archive goes: without the folder that everything is in."""
    below = PurePosixPath(*name.parts[1:])
    if str(below) in _KEPT_FILES or (below.parts[:1] and below.parts[0] in _KEPT):
        return below
    return None


def _require_content(url: str, unpacked: Path, version: Version, digest: str) -> None:
    found = crs_in(unpacked)
    if found is None:
        raise ArchiveError(f"{url} holds no Core Rule Set")
    if found.version != version:
        raise ArchiveError(f"{url} holds the Core Rule Set {found.version}, expected {version}")
    content = content_digest(unpacked)
    if content != digest:
        raise DownloadError(
            f"{url} is not the Core Rule Set {version} that is pinned: the digest of its files is"
            f" {content}, expected {digest}\n"
            "    It was changed at its source or on the way here, so it is not used."
        )


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
