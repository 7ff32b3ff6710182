"""Which engine and rules a deploy gets, from servers of our own: up, down, changed, locked."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import deploys, engines
from support import platform as packaging
from support.backends import containers
from support.files import FileServer, serve_files
from support.registry import Registry, network, write_debian

from waf_builder import __version__
from waf_builder import download as downloads
from waf_builder.crs import releases
from waf_builder.crs.digest import content_digest
from waf_builder.deploy.compile import compile_waf
from waf_builder.deploy.engines import Wish, engine_for, with_rules
from waf_builder.deploy.log import Log
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.engine import allocator, packages, platform, store
from waf_builder.engine.allocator import WITHOUT
from waf_builder.engine.archives import Versions
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.errors import EngineError
from waf_builder.lock.model import Lock, LockedCrs, LockedEngine, Part, lock_of
from waf_builder.lock.write import lock_text
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.backends import Backend
    from support.registry import Network

    from waf_builder.deploy.engines import Found
    from waf_builder.engine.model import Engine, Start

pytestmark = [pytest.mark.nginx, pytest.mark.together]

STACK = "scalingo-26"
OTHER = "trixie"
DEAD = "http://127.0.0.1:9"
ZEROS = f"sha256:{'0' * 64}"
ATTACK = "/?q=1%20UNION%20SELECT%20password%20FROM%20users"


@dataclass
class World:
    """What a deploy finds around it, and what it said.

    own: the version of the distribution's rules; newer: that of the one release there is.
    """

    app: Path
    cache: Path
    server: FileServer
    versions: Versions
    own: Version
    newer: Version
    variables: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def engine(self, stack: str = STACK, **wish: object) -> Found:
        given = {"vendor": self.server.url, "crs_url": f"{self.server.url}/tags", **wish}
        wished = Wish(stack, **given)  # type: ignore[arg-type]
        return with_rules(wished, engine_for(wished, self.said.append), self.said.append)

    def refused(self, stack: str = STACK, **wish: object) -> str:
        with pytest.raises(DeployError) as caught:
            self.engine(stack, **wish)
        return str(caught.value)

    def compile(self, **variables: str) -> str:
        """Deploy the app; return the log."""
        urls = {"VENDOR_URL": self.server.url, "WAF_BUILDER_CRS_URL": f"{self.server.url}/tags"}
        lines: list[str] = []
        given = {"STACK": STACK, **urls, **variables}
        compile_waf(Deploy(self.app, self.cache, given), "backend.yaml", Log(lines.append))
        return "\n".join(lines)

    def lock(self, **parts: object) -> Lock:
        """Return a lock of what a deploy takes now, as written and asked for nowhere else."""
        found = self.engine()
        assert found.engine.crs
        lock = replace(lock_of(found.engine, found.engine.crs, __version__), **parts)  # type: ignore[arg-type]
        self.server.asked.clear()
        self.said.clear()
        return lock

    def write(self, lock: Lock) -> None:
        (self.app / "waf.lock").write_text(lock_text(lock, "backend.yaml"))

    def archive(self, name: str) -> str:
        return next(path for path in self.server.files if path.endswith(f"{name}.tgz"))


@pytest.fixture(scope="session")
def archives(engine_old: Engine) -> dict[str, bytes]:
    return packaging.archives(engine_old)


@pytest.fixture(scope="session")
def release(
    engine_old: Engine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Version, str, bytes]:
    """A release that is newer than the distribution's: the same rules, but for the version."""
    own = engine_old.crs
    assert own
    version = Version(own.version.major, own.version.minor, own.version.patch + 1)
    home = tmp_path_factory.mktemp("release")
    files = {"crs-setup.conf.example": b"# setup\n"}
    for path in sorted(own.rules.iterdir()):
        body = path.read_bytes().replace(str(own.version).encode(), str(version).encode())
        files[f"rules/{path.name}"] = body
    for name, body in files.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_bytes(body)
    top = f"coreruleset-{version}/"
    packed = packaging.tgz({f"{top}{name}": body for name, body in files.items()}, dot="")
    return version, content_digest(home), packed


@pytest.fixture(scope="session")
def reach(engine_old: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Where apt gets packages from."""
    folder = tmp_path_factory.mktemp("registry")
    packages = engines.folder() / "old/apt/archives"
    assert engine_old.root.is_relative_to(engines.folder())
    write_debian(folder / "served/debian", sorted(packages.glob("*.deb")))
    with Registry(folder / "served") as registry:
        yield registry.network(folder / "settings")


@pytest.fixture(scope="session")
def packaged(engine_old: Engine, reach: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages' engine as a deploy keeps it, never to be written."""
    assert engine_old.crs
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("packaged")
        patch.setenv("WAF_BUILDER_CACHE", str(cache))
        patch.setenv("STACK", STACK)
        patch.setenv("APT_CONFIG", str(reach.apt_config))
        engine_for(Wish(STACK, "apt", str(engine_old.crs.version)), lambda _message: None)
    return cache


@pytest.fixture
def world(  # noqa: PLR0913, PLR0917
    archives: dict[str, bytes],
    release: tuple[Version, str, bytes],
    packaged: Path,
    reach: Network,
    engine_old: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """All servers up, and a cache with the packages' engine."""
    assert engine_old.crs
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads.time, "sleep", lambda _seconds: None)
    versions = Versions(engine_old.nginx_version, engine_old.modsecurity_version)
    monkeypatch.setattr(platform, "DEFAULT", versions)
    newer, digest, packed = release
    monkeypatch.setattr(releases, "PINS", {newer: digest.removeprefix("sha256:")})
    cache = shutil.copytree(packaged, tmp_path / "cache", symlinks=True)
    app = deploys.app(tmp_path / "app")
    for name, value in {
        "WAF_BUILDER_CACHE": str(cache),
        "STACK": STACK,
        "APT_CONFIG": str(reach.apt_config),
        # Whatever a test forgets to name is not looked for outside.
        "VENDOR_URL": DEAD,
        "WAF_BUILDER_CRS_URL": DEAD,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(app)
    with serve_files() as server:
        packaging.publish(server, STACK, archives)
        server.files[f"tags/v{newer}.tar.gz"] = packed
        yield World(app, cache, server, versions, engine_old.crs.version, newer)


@pytest.fixture
def backend() -> Iterator[Backend]:
    with containers() as (backend,):
        yield backend


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that nginx's workers can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="waf-deploy-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def apt_down(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """No registry of packages, and none of them in the cache."""
    down = network(tmp_path / "net", DEAD, down=True)
    monkeypatch.setenv("APT_CONFIG", str(down.apt_config))
    shutil.rmtree(world.cache / "engines")
    return world


def platform_engine(found: Found) -> bool:
    return found.engine.root.parent.name.endswith("-platform")


def test_a_stack_of_the_platform_gets_its_archives(world: World) -> None:
    found = world.engine()
    assert platform_engine(found)
    assert (found.source, found.remarks) == (f"the platform's archives, {STACK}", ())
    assert found.engine.crs is not None
    assert found.engine.crs.version == world.newer
    assert [name.rpartition("/")[0] for name in world.server.asked] == [
        *[f"{STACK}/package"] * 4,
        "tags",
    ]


def test_the_platforms_engine_gets_the_distributions_jemalloc(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = world.engine().engine
    assert engine.allocator
    assert f"getting jemalloc: the package libjemalloc2 of {store.codename()}" in world.said
    monkeypatch.setenv("APT_CONFIG", str(network(tmp_path / "net", DEAD, down=True).apt_config))
    world.said.clear()
    assert world.engine().engine.allocator
    assert not any("jemalloc" in line for line in world.said), "it is kept with the engine"


def test_without_a_jemalloc_the_platforms_engine_does(apt_down: World) -> None:
    """One calm line, and no warning: it is an extra."""
    found = apt_down.engine()
    assert (found.engine.allocator, found.remarks) == (None, ())
    (told,) = (line for line in apt_down.said if line.startswith(WITHOUT))
    assert told == f"{WITHOUT}: apt finds no way to get libjemalloc2"
    assert list(found.engine.root.parent.glob(".staging-*")) == []


def test_a_jemalloc_that_came_late_is_taken(
    apt_down: World, reach: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt_down.engine()
    monkeypatch.setenv("APT_CONFIG", str(reach.apt_config))
    monkeypatch.setattr(packages, "_FETCHED", {})  # the next deploy is another process
    assert apt_down.engine().engine.allocator


def test_a_jemalloc_that_does_not_work_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(start: Start, _module: Path) -> None:
        assert start.preload
        raise EngineError("starts but does not protect")

    monkeypatch.setattr(allocator, "smoke_test", refuses)
    found = world.engine()
    assert (found.engine.allocator, found.remarks) == (None, ())
    assert f"{WITHOUT}: starts but does not protect" in world.said


def test_another_stack_gets_packages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", OTHER)
    there = world.cache / "engines"
    next(there.iterdir()).rename(store.folder())
    found = world.engine(OTHER)
    assert not platform_engine(found)
    assert (found.source, found.remarks) == (f"apt, {OTHER}", ())
    assert world.server.asked == [f"tags/v{world.newer}.tar.gz"]


def test_apt_can_be_forced(world: World) -> None:
    found = world.engine(source="apt")
    assert found.source == f"apt, {STACK}"
    assert not any(name.startswith(STACK) for name in world.server.asked)


def test_an_unknown_source(world: World) -> None:
    assert world.refused(source="nginx.org").startswith(
        "WAF_BUILDER_ENGINE is 'nginx.org', expected platform or apt, or nothing."
    )


def test_without_the_platform_packages_take_over_loudly(world: World) -> None:
    found = world.engine(vendor=DEAD)
    assert not platform_engine(found)
    assert found.source == f"apt, {STACK}"
    (remark,) = found.remarks
    url = f"{DEAD}/{STACK}/package/nginx-{world.versions.nginx}.md5"
    assert remark == (
        "The platform's own engine cannot be had.\n\n"
        f"  {url} cannot be reached: Connection refused\n"
        "  Check the network; behind a proxy, set $https_proxy.\n\n"
        "The distribution's packages take its place: they may be older. Deploy again when the"
        " server\nis back, or set WAF_BUILDER_ENGINE to apt to take packages always."
    )


def test_without_the_platform_the_kept_engine_stays_loudly(world: World) -> None:
    first = world.engine()
    found = world.engine(vendor=DEAD)
    assert found.engine == first.engine
    (remark,) = found.remarks
    assert remark.startswith(
        "The newest engine cannot be had.\n\n  keeping the engine that is there: "
    )
    assert remark.endswith(
        "This deploy goes on with what the last one left in the cache. Deploy"
        " again when the registry\nis back, to get security fixes that it may have."
    )


def test_a_cache_that_cannot_be_written(world: World) -> None:
    (world.cache / "engines").rename(world.cache / "aside")
    (world.cache / "engines").touch()
    said = world.refused(source="apt")
    assert "cannot be written: Not a directory" in said
    assert "Empty it: 'scalingo deployment-delete-cache'." in said


def test_the_platform_forced_and_not_to_be_had(world: World) -> None:
    said = world.refused(source="platform", vendor=DEAD)
    assert said.startswith(f"No engine for {STACK}: nginx with ModSecurity and the Core Rule Set.")
    assert f"\n\n  {DEAD}/{STACK}/package/nginx-" in said
    assert "Without WAF_BUILDER_ENGINE packages take over: 'scalingo env-unset" in said


def test_neither_the_platform_nor_packages(apt_down: World) -> None:
    said = apt_down.refused(vendor=DEAD)
    assert "  no engine by apt from " in said
    assert f"\n  no engine of the platform's archives: {DEAD}/{STACK}/package/nginx-" in said
    assert "--engine" not in said


def test_without_releases_the_platforms_engine_gets_the_distributions_rules(world: World) -> None:
    found = world.engine(crs_url=DEAD)
    assert platform_engine(found)
    assert found.engine.crs is not None
    assert found.engine.crs.version == world.own
    (remark,) = found.remarks
    assert remark.startswith(
        f"The newest rules cannot be had, so the distribution's {world.own} are used.\n\n"
        f"  Core Rule Set {world.newer} cannot be had: {DEAD}/v{world.newer}.tar.gz cannot be"
        " reached: Connection refused\n"
    )


def test_without_releases_packages_keep_their_own_rules_loudly(world: World) -> None:
    found = world.engine(source="apt", crs_url=DEAD)
    assert found.engine.crs is not None
    assert found.engine.crs.version == world.own
    (remark,) = found.remarks
    assert remark.startswith(
        f"The newest rules cannot be had.\n\n  Core Rule Set {world.newer} cannot be had, so"
        f" {world.own} is used, which is the engine's own: "
    )


def test_without_releases_kept_rules_do(world: World) -> None:
    first = world.engine()
    world.server.asked.clear()
    found = world.engine(crs_url=DEAD)
    assert (found.engine.crs, found.remarks) == (first.engine.crs, ())


@pytest.mark.parametrize("source", ["platform", "apt"])
def test_the_distributions_version_can_be_asked_for(world: World, source: str) -> None:
    found = world.engine(source=source, crs=str(world.own))
    assert found.engine.crs is not None
    assert found.engine.crs.version == world.own
    assert found.remarks == ()
    assert not any(name.startswith("tags") for name in world.server.asked)


def test_rules_that_nobody_has(world: World) -> None:
    said = world.refused(crs="4.27.0")
    assert said.startswith(
        "No rules: the Core Rule Set 4.27.0 cannot be had.\n\n"
        "  Core Rule Set 4.27.0 is not known here: "
    )
    assert "\n  the distribution's will not do: Core Rule Set 4.27.0 is not here" in said
    assert (
        "'waf: crs:' names a version. WAF_BUILDER_CRS names one\nfor one app, or a folder" in said
    )
    assert "name its folder (WAF_BUILDER_CRS=DIR)" in said
    assert "--crs" not in said


def test_rules_in_a_folder_that_is_not_there(world: World) -> None:
    said = world.refused(crs="rules-of-ours")
    assert said.startswith("No rules: the Core Rule Set rules-of-ours cannot be had.\n\n")
    assert "there is no such folder" in said


@pytest.mark.parametrize("source", ["platform", "apt"])
def test_a_lock_that_is_met_asks_no_server(
    world: World, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = world.engine(source=source)
    assert found.engine.crs
    world.write(lock_of(found.engine, found.engine.crs, __version__))
    down = network(tmp_path / "net", DEAD, down=True)
    monkeypatch.setenv("APT_CONFIG", str(down.apt_config))
    world.server.asked.clear()
    log = world.compile()
    assert world.server.asked == []
    assert "cannot be had" not in log
    assert "1 backend, 1 route (locked by waf.lock, " in log
    assert f"Core Rule Set {world.newer}, jemalloc " in log
    assert (world.app / ".waf/start").is_file()


@pytest.mark.parametrize("damaged", ["nginx", "library"])
def test_a_locked_engine_of_packages_that_is_damaged_is_got_again(
    world: World, damaged: str
) -> None:
    """The lock does not name each library, so that the engine is tried as well."""
    found = world.engine(source="apt")
    assert found.engine.crs
    lock = lock_of(found.engine, found.engine.crs, __version__)
    if damaged == "nginx":
        found.engine.nginx.write_bytes(found.engine.nginx.read_bytes()[:1000])
    else:
        library = next(found.engine.root.resolve().rglob("libyajl.so.*"))
        library.unlink()
    world.said.clear()
    again = world.engine(lock=lock)
    assert (again.engine, again.remarks) == (found.engine, ())
    assert "unpacking, and testing with real requests" in world.said


def test_a_lock_of_the_platform_does_not_fall_back(world: World) -> None:
    lock = world.lock()
    shutil.rmtree(platform.folder(STACK))
    said = world.refused(lock=lock, vendor=DEAD)
    assert said.startswith(f"This deploy cannot be what waf.lock says.\n\n  {DEAD}/{STACK}/")
    assert said.endswith("What was deployed last keeps running.")


def test_a_version_that_the_platform_no_longer_has(world: World) -> None:
    lock = world.lock()
    older = Part(Version(1, 20, 1))
    said = world.refused(lock=replace(lock, engine=replace(lock.engine, nginx=older, archives={})))
    assert said.startswith("This deploy cannot be what waf.lock says.\n\n")
    assert "nginx-1.20.1.md5 cannot be had: the server answers 404 Not Found" in said


def test_an_archive_that_changed_under_a_lock(world: World, archives: dict[str, bytes]) -> None:
    lock = world.lock()
    world.write(lock)
    shutil.rmtree(platform.folder(STACK))
    name = world.versions.archives()[1]
    # gzip stops at its end: the same files, other bytes.
    body = archives[name] + b"\0" * 512
    packaging.publish(world.server, STACK, {name: body})
    before = deploys.tree_of(world.app)
    with pytest.raises(DeployError) as caught:
        world.compile()
    now = f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert str(caught.value).startswith(
        "This deploy cannot be what waf.lock says.\n\n"
        f"  {name} has changed since waf.lock was written: it was {lock.engine.archives[name]},"
        f" it is {now}\n"
        "  The platform published it anew under the same name."
    )
    assert deploys.tree_of(world.app) == before


def test_a_lock_of_the_platform_leaves_jemalloc_open(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from another server than what is locked, and the engine works without."""
    lock = world.lock()
    assert world.engine().engine.allocator
    world.write(lock)
    assert "jemalloc" not in (world.app / "waf.lock").read_text()
    monkeypatch.setenv("APT_CONFIG", str(network(tmp_path / "net", DEAD, down=True).apt_config))
    shutil.rmtree(world.cache / "engines")
    assert "Going on without jemalloc" in world.compile()
    assert (world.app / ".waf/start").is_file()


def test_a_lock_of_another_jemalloc(world: World) -> None:
    found = world.engine(source="apt")
    assert found.engine.crs
    lock = lock_of(found.engine, found.engine.crs, __version__)
    version = lock.engine.jemalloc.version
    other = replace(lock.engine, jemalloc=Part(Version(4, 5, 0), ZEROS))
    world.write(replace(lock, engine=other))
    with pytest.raises(DeployError) as caught:
        world.compile()
    assert (
        "\nwaf.lock: error: jemalloc has changed: locked is 4.5.0, here is"
        f" {version} [lock.jemalloc]\n"
    ) in str(caught.value)


def test_a_lock_of_other_files(world: World) -> None:
    found = world.engine(source="apt")
    assert found.engine.crs
    lock = lock_of(found.engine, found.engine.crs, __version__)
    changed = LockedEngine(
        "apt",
        lock.engine.release,
        Part(Version(1, 20, 1)),
        replace(lock.engine.module, digest=ZEROS),
        lock.engine.libmodsecurity,
    )
    world.write(replace(lock, engine=changed))
    before = deploys.tree_of(world.app)
    with pytest.raises(DeployError) as caught:
        world.compile()
    module = lock.engine.module
    assert str(caught.value) == (
        "This deploy cannot be what waf.lock says.\n\n"
        "waf.lock: error: nginx has changed: locked is 1.20.1, here is"
        f" {world.versions.nginx} [lock.nginx]\n"
        f"waf.lock: error: the module {module.version}, the same version, has changed: locked is"
        f" {ZEROS}, here is {module.digest} [lock.module]\n\n"
        "If the change is meant, make the lock again with 'waf-builder lock', look at the\n"
        "difference, and commit it. If not, restore what it was; if a server is down, deploy\n"
        "again later. What was deployed last keeps running."
    )
    assert deploys.tree_of(world.app) == before


def test_a_lock_of_another_source_than_the_one_that_is_forced(world: World) -> None:
    world.write(world.lock())
    with pytest.raises(DeployError, match="locked is platform, here is apt") as caught:
        world.compile(WAF_BUILDER_ENGINE="apt")
    assert str(caught.value).startswith("This deploy cannot be what waf.lock says.")


def test_a_lock_of_rules_with_another_content(world: World) -> None:
    lock = world.lock(crs=LockedCrs(world.newer, ZEROS))
    said = world.refused(lock=lock)
    assert said.startswith(
        f"This deploy cannot be what waf.lock says.\n\n  Core Rule Set {world.newer} cannot be had:"
        f" {world.server.url}/tags/v{world.newer}.tar.gz is not the Core Rule Set {world.newer}"
        " that is pinned: the digest of its files is sha256:"
    )
    assert f", expected {ZEROS}\n" in said


def test_a_lock_of_the_distributions_rules_as_they_were(world: World) -> None:
    found = world.engine(source="apt", crs=str(world.own))
    assert found.engine.crs
    lock = lock_of(found.engine, found.engine.crs, __version__)
    digest = lock.crs.digest
    said = world.refused(lock=replace(lock, crs=LockedCrs(world.own, ZEROS)))
    assert said.startswith(
        "This deploy cannot be what waf.lock says.\n\n"
        f"  the Core Rule Set {world.own}, the same version, has changed: locked is {ZEROS}, here"
        f" is {digest}\n  Core Rule Set {world.own} cannot be had: {world.server.url}/tags/"
    )
    assert "--crs" not in said


def test_a_lock_pins_a_release_that_is_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = world.lock()
    shutil.rmtree(world.cache / "crs")
    monkeypatch.setattr(releases, "PINS", {})
    found = world.engine(lock=lock)
    assert found.engine.crs is not None
    assert found.engine.crs.version == world.newer


def test_a_spec_that_asks_for_other_rules_than_the_lock(world: World) -> None:
    lock = world.lock()
    said = world.refused(lock=lock, crs="4")
    assert (
        f"\n\n  It locks the Core Rule Set {world.newer}, and the spec's 'waf: crs:' or"
        " WAF_BUILDER_CRS asks for 4.\n\n"
    ) in said
    assert world.server.asked == []
    assert world.engine(lock=lock, crs=str(world.newer.major)).engine.crs is not None


def test_a_lock_of_a_machine_of_ones_own(world: World) -> None:
    said = world.refused(lock=Lock(engine=LockedEngine("system")))
    assert "It locks an engine of the kind 'system', which only that machine has" in said
    assert "'waf-builder lock --engine apt'" in said


def test_a_damaged_lock(world: World) -> None:
    (world.app / "waf.lock").write_text("lock: 1\nengine:\n  kind: platfrom\n")
    before = deploys.tree_of(world.app)
    with pytest.raises(DeployError) as caught:
        world.compile()
    assert str(caught.value).startswith(
        "waf.lock cannot be read, so nobody knows what to deploy.\n\n"
        "waf.lock:3:9: error: engine.kind is 'platfrom', expected one of platform, apt, system,"
        " folder [lock.value]\n"
    )
    assert (deploys.tree_of(world.app), world.server.asked) == (before, [])


def test_a_lock_that_is_no_text(world: World) -> None:
    (world.app / "waf.lock").write_bytes(b"\xff")
    with pytest.raises(DeployError) as caught:
        world.compile()
    assert "\n\nwaf.lock is not UTF-8 text (byte 1)\n" in str(caught.value)


def test_a_spec_that_is_no_text(world: World) -> None:
    (world.app / "backend.yaml").write_bytes(b"\xff")
    with pytest.raises(DeployError) as caught:
        world.compile()
    assert str(caught.value).startswith(
        "1 mistake to mend before 'backend.yaml' can be deployed.\n\n"
        "backend.yaml is not UTF-8 text (byte 1)\n\nWhat was deployed last keeps running."
    )


def assert_protects(app: Path, backend: Backend) -> None:
    with deploys.started(app, backend.port) as waf:
        assert waf.ask("/?q=hello").status == 200
        assert waf.ask(ATTACK).status == 403


@pytest.mark.parametrize("rules", ["newest", "own"])
def test_the_app_boots_elsewhere(world: World, backend: Backend, shared: Path, rules: str) -> None:
    """With the platform's engine, and rules that did not come with it."""
    version = world.newer if rules == "newest" else world.own
    spec = deploys.spec(backend.name, workers=1)
    if rules == "own":
        spec += f'waf:\n  crs: "{version}"\n'
    (world.app / "backend.yaml").write_text(spec)
    log = world.compile()
    assert f"Core Rule Set {version}, jemalloc " in log
    assert f" (the platform's archives, {STACK}, " in log
    assert "cannot be had" not in log
    moved = shared / "app"
    shutil.move(world.app, moved)
    shutil.rmtree(world.cache)
    engine = find(str(moved / ".waf/engine"), str(moved / ".waf/crs"))
    assert engine.crs is not None
    assert engine.crs.version == version
    assert find(str(moved / ".waf/engine"), OWN_CRS).crs is None
    assert_protects(moved, backend)


def test_packages_with_a_release_boot_elsewhere(
    world: World, backend: Backend, shared: Path
) -> None:
    (world.app / "backend.yaml").write_text(deploys.spec(backend.name, workers=1))
    log = world.compile(WAF_BUILDER_ENGINE="apt")
    assert f"Core Rule Set {world.newer}, jemalloc " in log
    assert f" (apt, {STACK}, " in log
    moved = shared / "app"
    shutil.move(world.app, moved)
    shutil.rmtree(world.cache)
    assert (moved / ".waf/tree/engine/crs").resolve() == moved / ".waf/crs"
    assert find(str(moved / ".waf/engine"), OWN_CRS).crs is None, "only one rule set goes along"
    assert_protects(moved, backend)
