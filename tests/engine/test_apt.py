"""The real apt on folders of its own: fresh, warm, with the registry down, killed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import engines

from waf_builder.engine import allocator, apt, packages, store
from waf_builder.engine.find import find
from waf_builder.engine.packages import AptError, Package
from waf_builder.engine.smoke import smoke_test
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from waf_builder.engine.model import Engine, Start

pytestmark = pytest.mark.nginx

WAYS_OUT = (
    "\n    Other ways to an engine:\n"
    "      - install nginx with its ModSecurity v3 module and the OWASP Core Rule Set by hand,\n"
    "        then use --engine system (and --crs DIR where the rules are in a folder of their"
    " own)\n"
    "      - --engine DIR: a folder with usr/sbin/nginx, its module and its libraries"
)
GET = """\
import sys
from waf_builder.engine import apt
from waf_builder.engine.find import find
apt.get(lambda message: print(message, flush=True), refresh=len(sys.argv) > 1)
found = find("apt")
print("found", found.nginx_version, found.modsecurity_version, found.crs.version, flush=True)
"""
_OLD_LISTS = "the package lists are those of the last time: "
_TEST_OF = "unpacking, and testing with real requests"


class Said(list[str]):
    """The progress of a call."""

    def __call__(self, message: str) -> None:
        self.append(message)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def apt_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes apt read these settings in place of the machine's."""

    def configure(**settings: str) -> None:
        lines = ['Dir::Etc::parts "/dev/null";', 'Acquire::Retries "0";']
        lines += [f'{name.replace("__", "::")} "{value}";' for name, value in settings.items()]
        (tmp_path / "apt.conf").write_text("\n".join(lines))
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))

    return configure


@pytest.fixture
def registry_down(apt_config: Callable[..., None]) -> Iterator[None]:
    """A registry that refuses connections: a port that is taken and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        apt_config(Acquire__http__Proxy=dead, Acquire__https__Proxy=dead)
        yield


@pytest.fixture(scope="session")
def stored(engine_old: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of engines whose package lists name the engine's packages and no others.

    apt reads 60,000 of them for a second otherwise, each time that it is asked.
    """
    of = tmp_path_factory.mktemp("stored") / "engines"
    shutil.copytree(engine_old.root.parent, of, symlinks=True)
    names = {file.name.partition("_")[0] for file in (of / "apt/archives").glob("*.deb")}
    names |= {"libc6"}
    for packed in (of / "apt/state/lists").glob("*_Packages*"):
        command = ["/usr/lib/apt/apt-helper", "cat-file", str(packed)]
        stanzas = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        packed.unlink()
        kept = (
            stanza
            for stanza in stanzas.split("\n\n")
            if stanza.partition("\n")[0].removeprefix("Package: ") in names
        )
        packed.with_suffix("").write_text("".join(f"{stanza}\n\n" for stanza in kept))
    return of


@pytest.fixture
def warm(stored: Path, cache: Path) -> Path:
    """A cache with an engine in it, and the lists and archives it was made from."""
    of = store.folder()
    shutil.copytree(stored, of, symlinks=True)
    return of


@pytest.fixture
def outdated(warm: Path) -> Path:
    """A warm cache whose engine is not of the packages that apt would take."""
    (warm / "current/packages.txt").write_text("nginx_0.deb\n")
    return warm


@pytest.fixture
def repository(tmp_path: Path, apt_config: Callable[..., None]) -> Callable[..., None]:
    """Return a function that makes an empty package source, with more lines in its Release."""

    def make(more: str = "") -> None:
        folder = tmp_path / "repository"
        folder.mkdir()
        (folder / "Packages").touch()
        checksum = hashlib.sha256(b"").hexdigest()
        more = more or f"Date: {formatdate(usegmt=True)}\n"
        (folder / "Release").write_text(f"{more}SHA256:\n {checksum} 0 Packages\n")
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{folder} ./\n")
        apt_config(
            Dir__Etc__sourcelist=str(tmp_path / "sources.list"), Dir__Etc__sourceparts="/dev/null"
        )

    return make


def works(root: Path) -> bool:
    engine = find(str(root))
    return None not in {engine.crs, engine.allocator}


def run_get(*arguments: str, prefix: Sequence[str] = (), **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", GET, *arguments],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **more},
        cwd=Path(apt.__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def fingerprint() -> dict[str, float]:
    """Return when the system's package database and lists last changed."""
    folders = ("/var/lib/dpkg", "/var/lib/apt/lists", "/var/cache/apt", "/var/cache/apt/archives")
    paths = [Path(folder) for folder in folders]
    return {str(path): path.stat().st_mtime for path in paths if path.exists()}


def test_a_fresh_machine_gets_an_engine_and_stays_as_it_was(cache: Path, said: Said) -> None:
    before = fingerprint()
    root = engines.or_skip(lambda: apt.get(said))
    assert works(root)
    assert fingerprint() == before
    assert said[0] == f"getting the package lists of {store.codename()}"
    assert said[1].startswith("getting ")
    assert said[1].endswith(" MB")
    assert said[2:] == [_TEST_OF]
    assert {path.name for path in store.folder().iterdir()} == {
        "apt",
        "current",
        "lock",
        (store.folder() / "current").readlink().name,
    }
    assert not (store.folder() / "apt/cache").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="every test runs as a plain user already")
def test_a_plain_user_gets_an_engine() -> None:
    with tempfile.TemporaryDirectory(prefix="waf-builder-test-") as name:
        home = Path(name)
        os.chown(home, 65534, 65534)
        plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        process = run_get(prefix=plain, HOME=name, TMPDIR=name, WAF_BUILDER_CACHE=f"{name}/c")
        out, _ = process.communicate(timeout=180)
        if "does not reach its package sources" in out:
            engines.or_skip(_raiser(out))
        assert process.returncode == 0, out
        assert "\nfound " in out
        assert {path.owner() for path in home.iterdir()} == {"nobody"}


def test_a_second_time_nothing_is_started(
    warm: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", _raiser("a program was started"))
    assert apt.get(said) == warm / "current"
    assert said == []


@pytest.mark.usefixtures("registry_down")
def test_a_refresh_that_finds_nothing_newer_tests_what_is_there(warm: Path, said: Said) -> None:
    release = (warm / "current").readlink()
    assert apt.get(said, refresh=True) == warm / "current"
    assert (warm / "current").readlink() == release
    assert said[1].startswith(_OLD_LISTS)
    assert said[2].startswith("getting 0 of ")
    assert said[3:] == ["the engine in the cache is the newest, and works"]


@pytest.mark.usefixtures("registry_down")
def test_a_refresh_replaces_an_engine_of_other_packages(outdated: Path, said: Said) -> None:
    release = (outdated / "current").readlink()
    root = apt.get(said, refresh=True)
    assert (outdated / "current").readlink() != release
    assert works(root)
    assert said[3:] == [_TEST_OF]


@pytest.mark.usefixtures("registry_down")
def test_a_refresh_repairs_an_engine_that_no_longer_starts(warm: Path, said: Said) -> None:
    (warm / "current/usr/lib/nginx/modules/ngx_http_modsecurity_module.so").unlink()
    assert works(apt.get(said, refresh=True))


@pytest.mark.usefixtures("registry_down")
def test_with_the_registry_down_the_archives_of_the_last_time_will_do(
    warm: Path, said: Said
) -> None:
    (warm / "current").unlink()
    assert works(apt.get(said))
    assert said[1].startswith(_OLD_LISTS)
    assert said[2].startswith("getting 0 of ")


@pytest.mark.usefixtures("registry_down")
def test_with_the_registry_down_the_engine_that_is_there_stays(outdated: Path, said: Said) -> None:
    next((outdated / "apt/archives").glob("nginx_*.deb")).unlink()
    release = (outdated / "current").readlink()
    assert apt.get(said, refresh=True) == outdated / "current"
    assert (outdated / "current").readlink() == release
    assert works(outdated / "current")
    kept = said[-1].splitlines()
    assert kept[0] == (
        f"keeping the engine that is there: no engine by apt from {store.codename()}:"
        " apt could not download all packages"
    )
    assert kept[1].startswith("    apt says: E: Failed to fetch ")
    assert not any("Other ways" in line for line in kept)


@pytest.mark.usefixtures("registry_down")
def test_with_the_registry_down_and_nothing_in_the_cache(cache: Path, said: Said) -> None:
    with pytest.raises(EngineError) as caught:
        apt.get(said)
    lines = str(caught.value).removesuffix(WAYS_OUT).splitlines()
    assert lines[0] == (
        f"no engine by apt from {store.codename()}: apt finds no way to get"
        " nginx, libnginx-mod-http-modsecurity, modsecurity-crs"
    )
    assert lines[1] == "    apt says: E: Unable to locate package nginx"
    assert any(line.startswith("    apt says: W: Failed to fetch ") for line in lines)
    assert str(caught.value).endswith(
        "\n    This machine does not reach its package sources: check the network and, behind a"
        " proxy, apt's\n    setting Acquire::http::Proxy." + WAYS_OUT
    )
    assert store.current() is None


@pytest.mark.usefixtures("registry_down")
def test_a_damaged_archive_is_not_unpacked(outdated: Path, said: Said) -> None:
    archive = next((outdated / "apt/archives").glob("nginx_*.deb"))
    text = bytearray(archive.read_bytes())
    text[len(text) // 2] ^= 1
    archive.write_bytes(text)
    apt.get(said, refresh=True)
    assert said[1].startswith(_OLD_LISTS)
    assert said[2].startswith("getting 1 of ")
    assert "apt could not download all packages" in said[-1]


def test_an_update_that_does_not_work_leaves_the_engine_that_does(
    outdated: Path, said: Said, registry_down: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = (outdated / "current").readlink()
    monkeypatch.setattr(allocator, "smoke_test", _raiser("starts but does not protect"))
    assert apt.get(said, refresh=True) == outdated / "current"
    assert (outdated / "current").readlink() == release
    assert said[-1] == "keeping the engine that is there: starts but does not protect"
    assert list(outdated.glob(".staging-*")) == []


@pytest.mark.usefixtures("registry_down")
def test_an_engine_that_does_not_work_with_jemalloc_goes_without(
    outdated: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_preload(start: Start, module: Path) -> None:
        if start.preload:
            raise EngineError("starts but does not protect\nUnsupported system page size")
        smoke_test(start, module)

    monkeypatch.setattr(allocator, "smoke_test", without_preload)
    engine = find(str(apt.get(said, refresh=True)))
    assert engine.allocator is None
    assert said[-1] == f"{allocator.WITHOUT}: starts but does not protect"
    apt.get(said, refresh=True)
    assert said[-1] == "the engine in the cache is the newest, and works"


def test_a_package_source_that_fails_does_not_matter_if_others_have_all(
    cache: Path, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    for source in Path("/etc/apt").glob("sources.list.d/*"):
        shutil.copy(source, parts)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (parts / "third-party.list").write_text(f"deb http://127.0.0.1:{port}/x stable main\n")
        (tmp_path / "apt.conf").write_text(
            f'Dir::Etc::sourceparts "{parts}";\nAcquire::Retries "0";\n'
        )
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        assert works(engines.or_skip(lambda: apt.get(said)))


def test_a_release_without_the_packages(
    cache: Path, said: Said, repository: Callable[..., None]
) -> None:
    repository()
    with pytest.raises(EngineError) as caught:
        apt.get(said)
    assert str(caught.value) == (
        f"no engine by apt from {store.codename()}: apt finds no way to get"
        " nginx, libnginx-mod-http-modsecurity, modsecurity-crs\n"
        "    apt says: E: Unable to locate package nginx\n"
        "    apt says: E: Unable to locate package libnginx-mod-http-modsecurity\n"
        "    apt says: E: Unable to locate package modsecurity-crs\n"
        "    The first releases with these packages are Debian 12 and Ubuntu 24.04, there in the"
        " component\n    `universe`." + WAYS_OUT
    )


def test_a_package_index_that_has_expired(
    cache: Path, said: Said, repository: Callable[..., None]
) -> None:
    repository("Date: Thu, 01 Jan 2015 00:00:00 UTC\nValid-Until: Thu, 08 Jan 2015 00:00:00 UTC\n")
    with pytest.raises(EngineError) as caught:
        apt.get(said)
    message = str(caught.value)
    assert "apt says: E: Release file for file:" in message
    assert " is expired (invalid since " in message
    assert message.endswith(
        "\n    The lists of a package source do not fit this machine's clock: compare `date` with"
        " the right\n    time; if that agrees, the source is no longer kept up to date." + WAYS_OUT
    )


@pytest.mark.usefixtures("registry_down")
def test_a_machine_whose_libc_is_too_old(
    warm: Path, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (warm / "current").unlink()
    stanzas = Path("/var/lib/dpkg/status").read_text().split("\n\n")
    status = tmp_path / "status"
    status.write_text("\n\n".join(one for one in stanzas if "Package: libc6\n" not in one))
    monkeypatch.setattr(packages, "_STATUS", status)
    with pytest.raises(EngineError, match=r"^the engine of .* needs a newer C library") as caught:
        apt.get(said)
    assert "    Bring the machine up to date (apt-get upgrade), then try again.\n" in str(
        caught.value
    )
    assert str(caught.value).endswith(WAYS_OUT)


def test_a_machine_without_a_package_database(
    cache: Path, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "_STATUS", tmp_path / "status")
    with pytest.raises(EngineError) as caught:
        apt.get(said)
    assert str(caught.value) == (
        f"no engine by apt: cannot read what is installed: {tmp_path}/status:"
        " No such file or directory" + WAYS_OUT
    )


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-deb"])
def test_a_machine_without_apt(
    cache: Path,
    said: Said,
    missing: str,
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in {"apt-get", "dpkg-deb"} - {missing}:
        monkeypatch.setenv("PATH", str(program(name, "exit 1").parent))
    with pytest.raises(EngineError) as caught:
        apt.get(said)
    assert str(caught.value) == (
        f"no engine by apt: this machine has no {missing};"
        " only Debian, Ubuntu and their kin do" + WAYS_OUT
    )
    assert said == []


def test_a_mirror_that_is_just_changing_is_asked_again(said: Said) -> None:
    class Changing:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def update(self, *, again: bool) -> list[str]:
            self.calls.append("update again" if again else "update")
            return []

        def resolve(self, names: Sequence[str]) -> list[Package]:
            if allocator.PACKAGE in names:
                raise AptError("apt finds no way", ["E: Unable to locate package libjemalloc2"])
            return [Package("nginx", "nginx_1.deb", "http://x/nginx_1.deb", 1_000_000, "0")]

        def missing(self, packages: list[Package]) -> list[Package]:
            return packages

        def download(self, _packages: list[Package]) -> list[Path]:
            self.calls.append("download")
            if self.calls.count("download") == 1:
                raise AptError("apt could not download all packages", ["E: … 404  Not Found"])
            return [Path("nginx_1.deb")]

    changing = Changing()
    _packages, archives = apt._archives(changing, said, "bookworm", libc=False)  # type: ignore[arg-type]
    assert archives == [Path("nginx_1.deb")]
    assert changing.calls == ["update", "download", "update again", "download"]
    assert said[1:3] == [
        f"{allocator.WITHOUT}: E: Unable to locate package libjemalloc2",
        "getting 1 of 1 packages, 1.0 MB",
    ]


@pytest.mark.usefixtures("registry_down")
def test_two_at_once_share_one_engine(warm: Path) -> None:
    (warm / "current").unlink()
    releases = {path.name for path in warm.glob("engine-*")}
    both = [run_get(), run_get()]
    outs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    assert sum(_TEST_OF in out for out in outs) == 1
    assert len({path.name for path in warm.glob("engine-*")} - releases) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("registry_down")
@pytest.mark.parametrize("moment", ["lists", "packages", 0, 80, 160])
def test_a_kill_leaves_the_engine_that_was_good(outdated: Path, moment: str | int) -> None:
    """Killed at each step, and every 80 ms of the last one: unpacking, testing, publishing."""
    marks = {"lists": "getting the package lists", "packages": "getting 0 of"}
    mark = marks.get(str(moment), _TEST_OF)
    process = run_get("refresh")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.startswith(mark):
                break
        else:
            pytest.fail(f"never said {mark!r}")
        if isinstance(moment, int):
            time.sleep(moment / 1000)  # the point is to be anywhere in the step
        os.killpg(process.pid, signal.SIGKILL)  # as a container is
    assert works(outdated / "current")
    (outdated / "current/packages.txt").write_text("nginx_0.deb\n")
    assert works(apt.get(Said(), refresh=True))
    assert list(outdated.glob(".staging-*")) == []
    assert len(list(outdated.glob("engine-*"))) <= 2


def _raiser(message: str) -> Callable[..., None]:
    def fail(*_arguments: object, **_options: object) -> None:
        raise EngineError(message)

    return fail
