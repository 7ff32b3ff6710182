"""Releases of the Core Rule Set from a server of our own, and from the cache."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import engines, platform
from support.files import FileServer, serve_files

from waf_builder import download as downloads
from waf_builder.crs.digest import content_digest
from waf_builder.crs.installed import INITIALIZATION, InstalledCrs, crs_in
from waf_builder.crs.needs import PAIRS
from waf_builder.crs.releases import FALLBACKS, PINS, choose_crs, crs_here
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from waf_builder.engine.model import Engine

OLD, NEW = Version(3, 0, 9), Version(3, 0, 16)
V3, V4_25, V4_28 = Version(3, 3, 10), Version(4, 25, 1), Version(4, 28, 0)


@dataclass(frozen=True)
class Rules:
    """What choose_crs looks at of an engine."""

    modsecurity_version: Version
    crs: InstalledCrs | None = None


class Said(list[str]):
    """The progress of a call."""

    def __call__(self, message: str) -> None:
        self.append(message)

    @property
    def fallbacks(self) -> list[str]:
        return [message for message in self if message.startswith(FALLBACKS)]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "WAF_BUILDER_CRS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads.time, "sleep", lambda _seconds: None)


def contents(version: Version) -> dict[str, bytes]:
    """Return a small release, as the project packs it."""
    return {
        str(INITIALIZATION): f'SecComponentSignature "OWASP_CRS/{version}"\n'.encode(),
        "rules/REQUEST-911-METHOD-ENFORCEMENT.conf": b"# rules\n",
        "rules/sql-errors.data": b"error in your SQL syntax\n",
        "rules/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf.example": b"# yours\n",
        "plugins/empty-before.conf": b"# nothing\n",
        "crs-setup.conf.example": b"# setup\n",
        "LICENSE": b"Apache\n",
        "tests/regression/911100.yaml": b"---\n",
        "util/send-payload-pls.sh": b"#!/bin/sh\n",
    }


def archive(version: Version, changed: Mapping[str, bytes] | None = None) -> bytes:
    top = f"coreruleset-{version}/"
    files = {**contents(version), **(changed or {})}
    return platform.tgz({f"{top}{name}": body for name, body in files.items()}, dot="")


def digest(version: Version, folder: Path) -> str:
    home = folder / str(version)
    for name, body in contents(version).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(body)
    return content_digest(home)


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Version, str]:
    """The pins of the small releases, in place of the real ones."""
    found = {version: digest(version, tmp_path / "made") for version in (V3, V4_25, V4_28)}
    bare = {version: one.removeprefix("sha256:") for version, one in found.items()}
    monkeypatch.setattr("waf_builder.crs.releases.PINS", bare)
    return found


@pytest.fixture
def server(pins: dict[Version, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serve_files() as running:
        running.files.update({f"tags/v{version}.tar.gz": archive(version) for version in pins})
        monkeypatch.setenv("WAF_BUILDER_CRS_URL", f"{running.url}/tags/")
        yield running


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("WAF_BUILDER_CRS_URL", url)
        yield url


def own(tmp_path: Path, version: Version) -> InstalledCrs:
    file = tmp_path / "own" / INITIALIZATION
    file.parent.mkdir(parents=True)
    file.write_text(f"OWASP_CRS/{version}\n")
    return InstalledCrs(tmp_path / "own", version)


@pytest.mark.parametrize(
    ("modsecurity", "wanted", "version"),
    [
        (NEW, None, V4_28),
        (NEW, "4", V4_28),
        (NEW, "4.25", V4_25),
        (NEW, "4.25.1", V4_25),
        (NEW, "3", V3),
        (OLD, None, V4_28),
    ],
)
def test_the_newest_that_is_wanted_and_that_the_engine_takes(  # noqa: PLR0913, PLR0917
    server: FileServer,
    tmp_path: Path,
    said: Said,
    modsecurity: Version,
    wanted: str | None,
    version: Version,
) -> None:
    found = choose_crs(Rules(modsecurity), wanted, tmp_path, said)
    assert found.version == version
    assert crs_in(found.folder) == found
    assert server.asked == [f"tags/v{version}.tar.gz"]
    assert said == [f"getting the Core Rule Set {version} from {server.url}/tags/v{version}.tar.gz"]


def test_only_what_is_needed_is_kept(server: FileServer, tmp_path: Path, said: Said) -> None:
    found = choose_crs(Rules(NEW), "4", tmp_path / "cache", said)
    kept = {str(path.relative_to(found.folder)) for path in found.folder.rglob("*.*")}
    assert "LICENSE" in {path.name for path in found.folder.iterdir()}
    assert kept == {
        str(INITIALIZATION),
        "rules/REQUEST-911-METHOD-ENFORCEMENT.conf",
        "rules/sql-errors.data",
        "rules/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf.example",
        "plugins/empty-before.conf",
        "crs-setup.conf.example",
    }
    assert [path.name for path in (tmp_path / "cache/crs").iterdir()] == [found.folder.name]


def test_a_warm_cache_asks_nobody(server: FileServer, tmp_path: Path, said: Said) -> None:
    first = choose_crs(Rules(NEW), None, tmp_path, said)
    server.asked.clear()
    said.clear()
    assert choose_crs(Rules(NEW), None, tmp_path, said) == first
    assert (server.asked, said) == ([], [])


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_a_damaged_cache_is_replaced(
    server: FileServer, tmp_path: Path, said: Said, damage: str
) -> None:
    found = choose_crs(Rules(NEW), None, tmp_path, said)
    rules = found.rules / "REQUEST-911-METHOD-ENFORCEMENT.conf"
    if damage == "changed":
        rules.write_text("# others\n")
    elif damage == "missing":
        rules.unlink()
    else:
        rules.with_name("REQUEST-000-OPEN.conf").write_text("SecRuleEngine Off\n")
    assert choose_crs(Rules(NEW), None, tmp_path, said) == found
    assert rules.read_bytes() == b"# rules\n"
    assert not (found.rules / "REQUEST-000-OPEN.conf").exists()
    assert len(server.asked) == 2


def test_the_engines_own_is_taken_when_nothing_is_newer(
    server: FileServer, tmp_path: Path, said: Said
) -> None:
    newer = own(tmp_path, Version(4, 29, 0))
    assert choose_crs(Rules(NEW, newer), None, tmp_path, said) == newer
    assert choose_crs(Rules(NEW, newer), "4.29.0", tmp_path, said) == newer
    assert choose_crs(Rules(NEW, newer), "3", tmp_path, said).version == V3
    assert server.asked == [f"tags/v{V3}.tar.gz"]


def test_a_folder_is_taken_as_it_is(tmp_path: Path, said: Said) -> None:
    there = own(tmp_path, Version(4, 1, 0))
    assert choose_crs(Rules(NEW), str(there.folder), tmp_path, said) == there
    with pytest.raises(EngineError, match="there is no such folder"):
        choose_crs(Rules(NEW), str(tmp_path / "nowhere"), tmp_path, said)


@pytest.mark.usefixtures("server")
def test_an_engine_too_old_for_what_is_wanted(tmp_path: Path, said: Said) -> None:
    with pytest.raises(EngineError) as caught:
        choose_crs(Rules(OLD), "4.25.1", tmp_path, said)
    assert str(caught.value) == (
        "Core Rule Set 4.25.1 needs libmodsecurity 3.0.16 or newer, this is 3.0.9: its rule 901181"
        " has `XML://@*` as a target of ctl:ruleRemoveTargetByTag, which older ones cannot read\n"
        "    Take another rule set (4.28.0 loads on 3.0.9 too), or a newer engine."
    )


@pytest.mark.usefixtures("server")
def test_a_release_that_is_not_pinned(tmp_path: Path, said: Said) -> None:
    with pytest.raises(EngineError) as caught:
        choose_crs(Rules(NEW, own(tmp_path, Version(3, 3, 4))), "4.27.0", tmp_path, said)
    assert str(caught.value) == (
        "Core Rule Set 4.27.0 is not known here: 3.3.10, 4.25.1, 4.28.0; the engine's own is"
        " 3.3.4\n"
        "    To use another release, unpack it and name its folder (--crs DIR), or put its version"
        " and the\n    digest of its content into waf.lock."
    )


def test_a_lock_pins_further_releases(server: FileServer, tmp_path: Path, said: Said) -> None:
    version = Version(4, 27, 0)
    server.files["tags/v4.27.0.tar.gz"] = archive(version)
    pinned = {version: digest(version, tmp_path / "made")}
    assert choose_crs(Rules(NEW), "4.27.0", tmp_path, said, pins=pinned).version == version


def test_a_pin_holds_for_the_engines_own_too(
    server: FileServer, tmp_path: Path, said: Said
) -> None:
    there = own(tmp_path, V4_28)
    same = {V4_28: content_digest(there.folder)}
    assert choose_crs(Rules(NEW, there), "4.28.0", tmp_path, said, pins=same) == there
    assert server.asked == []
    other = {V4_28: digest(V4_28, tmp_path / "made")}
    found = choose_crs(Rules(NEW, there), "4.28.0", tmp_path, said, pins=other)
    assert content_digest(found.folder) == other[V4_28]


def test_another_content_is_refused(
    server: FileServer, pins: dict[Version, str], tmp_path: Path, said: Said
) -> None:
    name = f"tags/v{V4_28}.tar.gz"
    server.files[name] = archive(V4_28, {"rules/extra.conf": b"SecRuleEngine Off\n"})
    with pytest.raises(EngineError) as caught:
        choose_crs(Rules(NEW), "4.28.0", tmp_path / "cache", said)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        f"Core Rule Set 4.28.0 cannot be had: {server.url}/{name} is not the Core Rule Set 4.28.0"
        " that is pinned: the digest of its files is sha256:"
    )
    assert lines[0].endswith(f", expected {pins[V4_28]}")
    assert list((tmp_path / "cache/crs").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (archive(V4_25), "holds the Core Rule Set 4.25.1, expected 4.28.0"),
        (platform.tgz({"x/README": b""}), "holds no Core Rule Set"),
        (b"<html>", "archive.tar.gz is damaged: "),
        (archive(V4_28)[:300], "archive.tar.gz is damaged: "),
        (platform.tgz({"../../evil": b""}, dot=""), "archive.tar.gz is refused"),
    ],
    # Compressed data holds the time, and ids are the same everywhere.
    ids=["another version", "no rules", "a page", "cut short", "leads out"],
)
def test_what_is_no_release_is_refused(
    server: FileServer, tmp_path: Path, said: Said, body: bytes, why: str
) -> None:
    server.files[f"tags/v{V4_28}.tar.gz"] = body
    with pytest.raises(EngineError) as caught:
        choose_crs(Rules(NEW), "4.28.0", tmp_path / "cache", said)
    assert why in str(caught.value)
    assert list((tmp_path / "cache/crs").iterdir()) == []


@pytest.mark.usefixtures("pins")
def test_with_the_server_down_the_engines_own_will_do_loudly(
    down: str, tmp_path: Path, said: Said
) -> None:
    there = own(tmp_path, Version(3, 3, 4))
    assert choose_crs(Rules(NEW, there), None, tmp_path, said) == there
    url = f"{down}/v4.28.0.tar.gz"
    (told,) = said.fallbacks
    assert told == (
        "Core Rule Set 4.28.0 cannot be had, so 3.3.4 is used, which is the engine's own:"
        f" {url} cannot be reached: Connection refused\n"
        "        Check the network; behind a proxy, set $https_proxy."
    )


def test_with_the_server_down_the_newest_in_the_cache_will_do(
    server: FileServer, tmp_path: Path, said: Said, request: pytest.FixtureRequest
) -> None:
    for version in (V3, V4_25):
        choose_crs(Rules(NEW), str(version), tmp_path, said)
    request.getfixturevalue("down")
    there = own(tmp_path, Version(3, 3, 4))
    assert choose_crs(Rules(NEW, there), None, tmp_path, said).version == V4_25
    assert len(said.fallbacks) == 1
    assert " so 4.25.1 is used, which is in the cache: " in said.fallbacks[0]


@pytest.mark.usefixtures("pins", "down")
@pytest.mark.parametrize("wanted", ["4", "4.28.0"])
def test_with_the_server_down_what_is_wanted_is_not_replaced_by_another(
    tmp_path: Path, said: Said, wanted: str
) -> None:
    there = own(tmp_path, Version(3, 3, 4))
    with pytest.raises(EngineError) as caught:
        choose_crs(Rules(NEW, there), wanted, tmp_path, said)
    assert str(caught.value).endswith(
        f"\n    Neither the cache nor the engine has another one that is {wanted}. Try again"
        " later, or unpack a\n    release and name its folder: --crs DIR"
    )
    assert said.fallbacks == []


def test_without_the_network_what_is_here_is_taken(
    server: FileServer, tmp_path: Path, said: Said
) -> None:
    there = own(tmp_path, Version(3, 3, 4))
    engine = Rules(NEW, there)
    assert crs_here(engine, "3", tmp_path) == there
    assert crs_here(engine, str(there.folder), tmp_path) == there
    with pytest.raises(EngineError) as caught:
        crs_here(engine, "4", tmp_path)
    assert str(caught.value) == (
        "Core Rule Set 4 is not here: the engine's own is 3.3.4, and no release is in the cache\n"
        "    `waf-builder run` and `waf-builder lock` get one; or unpack a release and name its"
        " folder:\n    --crs DIR"
    )
    assert server.asked == []
    got = choose_crs(engine, "4.25.1", tmp_path, said)
    assert crs_here(engine, "4", tmp_path) == got
    with pytest.raises(EngineError):
        crs_here(Rules(OLD), "4", tmp_path)  # that libmodsecurity cannot load it


def test_a_cache_that_cannot_be_written(server: FileServer, tmp_path: Path, said: Said) -> None:
    (tmp_path / "crs").touch()
    with pytest.raises(EngineError, match="cannot keep the Core Rule Set in "):
        choose_crs(Rules(NEW), None, tmp_path, said)


def test_the_digest_can_be_had_in_a_shell(tmp_path: Path) -> None:
    assert content_digest.__doc__ is not None
    expected = digest(V4_28, tmp_path)
    lines = content_digest.__doc__.splitlines()
    command = "\n".join(line for line in lines if line.startswith(" " * 8))
    run = subprocess.run(
        ["sh", "-c", command],  # noqa: S607
        cwd=tmp_path / str(V4_28),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"sha256:{run.stdout.split()[0]}" == expected


def test_a_digest_does_not_depend_on_how_it_was_packed(tmp_path: Path) -> None:
    before = digest(V4_28, tmp_path)
    for path in (tmp_path / str(V4_28)).rglob("*"):
        path.chmod(0o700)
    shutil.rmtree(tmp_path / str(V4_28) / "tests")
    assert content_digest(tmp_path / str(V4_28)) == before


@pytest.mark.nginx
def test_the_pin_of_a_real_release(engine_new: Engine, tmp_path: Path) -> None:
    """Debian packages the project's files unchanged, so its package proves the pin."""
    assert engine_new.crs is not None
    if engine_new.crs.version not in PINS:
        pytest.skip(f"no pin for the {engine_new.crs.version} of Debian sid")
    archives = engines.folder() / "new/apt/archives"
    package = next(archives.glob("modsecurity-crs_*.deb"))
    command = ["dpkg-deb", "-x", package, tmp_path / "deb"]
    subprocess.run(command, check=True, timeout=60)
    shutil.copytree(tmp_path / "deb/usr/share/modsecurity-crs/rules", tmp_path / "rules")
    shutil.copy(
        tmp_path / "deb/etc/modsecurity/crs/crs-setup.conf", tmp_path / "crs-setup.conf.example"
    )
    assert content_digest(tmp_path) == f"sha256:{PINS[engine_new.crs.version]}"


def test_every_engine_can_load_some_release() -> None:
    oldest = min(pair.needs for pair in PAIRS)
    before = Version(oldest.major, oldest.minor, oldest.patch - 1)
    assert any(
        not any(pair.since <= version < pair.before for pair in PAIRS) for version in PINS
    ), f"nothing for {before}"
    assert all(len(one) == 64 and int(one, 16) for one in PINS.values())
