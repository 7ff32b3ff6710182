"""The platform's archives, made of a real engine and served as the platform serves them."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import platform as packaging
from support.files import FileServer, serve_files

from waf_builder import download as downloads
from waf_builder.engine import platform, store
from waf_builder.engine.archives import Versions, archives_of, stack_of
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.engine.link import wrapper
from waf_builder.engine.platform import KEEPING, ChangedError
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

STACK = "scalingo-26"


class Said(list[str]):
    """The progress of a call."""

    def __call__(self, message: str) -> None:
        self.append(message)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture(scope="session")
def archives(engine_old: Engine) -> dict[str, bytes]:
    return packaging.archives(engine_old)


@pytest.fixture
def versions(engine_old: Engine) -> Versions:
    return Versions(engine_old.nginx_version, engine_old.modsecurity_version)


@pytest.fixture
def server(archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads.time, "sleep", lambda _seconds: None)
    with serve_files() as running:
        packaging.publish(running, STACK, archives)
        monkeypatch.setenv("VENDOR_URL", f"{running.url}/")
        yield running


@pytest.fixture
def get(server: FileServer, versions: Versions, cache: Path, said: Said) -> Callable[..., Path]:
    """Return platform.get for the served archives."""

    def call(**options: object) -> Path:
        return platform.get(STACK, said, **{"versions": versions, **options})  # type: ignore[arg-type]

    return call


def go_down(monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("VENDOR_URL", url)
    return f"{url}/{STACK}/package"


def names(versions: Versions) -> tuple[str, str]:
    return f"nginx-{versions.nginx}", f"modsecurity-{versions.modsecurity}"


def works(root: Path) -> bool:
    engine = find(str(root), OWN_CRS)
    return engine.crs is None and engine.root == root


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_an_engine_of_the_platforms_archives(
    get: Callable[..., Path], server: FileServer, versions: Versions, said: Said
) -> None:
    root = get()
    engine = find(str(root), OWN_CRS)
    assert Versions(engine.nginx_version, engine.modsecurity_version) == versions
    assert engine.connector_version is not None
    assert engine.unicode_map == root / "etc/nginx/unicode.mapping"
    nginx, modsecurity = names(versions)
    base = f"{STACK}/package"
    assert server.asked == [
        f"{base}/{nginx}.md5",
        f"{base}/{modsecurity}.md5",
        f"{base}/{nginx}.tgz",
        f"{base}/{modsecurity}.tgz",
    ]
    assert said == [
        f"getting {server.url}/{base}/{nginx}.tgz",
        f"getting {server.url}/{base}/{modsecurity}.tgz",
        "testing with real requests",
    ]


def test_it_is_lean(get: Callable[..., Path], engine_old: Engine) -> None:
    root = get()
    found = files(root)
    libraries = {name for name in found if name.startswith("usr/lib/x86_64-linux-gnu/")}
    assert found - libraries == {
        "usr/sbin/nginx",
        "app/vendor/nginx/modules/ngx_http_modsecurity_module.so",
        "etc/nginx/unicode.mapping",
        "archives.txt",
    }
    assert {Path(name).name for name in libraries} >= {"libmodsecurity.so.3"}
    assert not any(name.endswith((".a", ".so", ".h", ".9.9")) for name in libraries)
    assert not any(path.is_symlink() for path in root.rglob("*"))
    of = store.current(platform.folder(STACK))
    assert of == root
    kept = {path.name for path in root.parent.iterdir()}
    assert kept == {"current", "lock", (root.parent / "current").readlink().name}


def test_it_runs_from_any_folder(get: Callable[..., Path], tmp_path: Path, cache: Path) -> None:
    moved = tmp_path / "an app's folder" / "engine"
    shutil.copytree(get().resolve(), moved)
    shutil.rmtree(cache)
    engine = find(str(moved), OWN_CRS)
    script = tmp_path / "nginx"
    script.write_text(wrapper(engine))
    script.chmod(0o755)
    run = subprocess.run(
        [script, "-V"],
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": "/nowhere"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "--prefix=/app/vendor/nginx" in run.stderr


def test_a_second_time_only_the_checksums_are_asked_for(
    get: Callable[..., Path], server: FileServer, said: Said
) -> None:
    root = get()
    release = (root.parent / "current").readlink()
    server.asked.clear()
    said.clear()
    assert get() == root
    assert (root.parent / "current").readlink() == release
    assert [name.rpartition(".")[2] for name in server.asked] == ["md5", "md5"]
    assert said == ["the engine in the cache is the platform's current one, and works"]


def test_what_is_published_anew_is_got_anew(
    get: Callable[..., Path], server: FileServer, archives: dict[str, bytes], versions: Versions
) -> None:
    root = get()
    release = (root.parent / "current").readlink()
    name = versions.archives()[0]
    # gzip stops at its end: the same files, other bytes.
    packaging.publish(server, STACK, {name: archives[name] + b"\0" * 512})
    assert get() == root
    assert (root.parent / "current").readlink() != release
    assert works(root)


def test_an_engine_that_no_longer_starts_is_replaced(get: Callable[..., Path]) -> None:
    root = get()
    next(root.glob("app/vendor/nginx/modules/*.so")).unlink()
    assert works(get())


def test_other_versions_replace_what_is_there(get: Callable[..., Path], server: FileServer) -> None:
    get()
    with pytest.raises(EngineError) as caught:
        get(versions=Versions(Version(1, 99, 0), Version(3, 0, 99)))
    assert str(caught.value) == (
        f"{server.url}/{STACK}/package/nginx-1.99.0.md5 cannot be had:"
        " the server answers 404 Not Found\n"
        "    Not every version is there for every stack."
    )


@pytest.mark.parametrize("broken", ["wrong md5", "no md5", "truncated", "no archive", "cut"])
def test_what_is_not_whole_is_not_used(
    get: Callable[..., Path],
    server: FileServer,
    versions: Versions,
    archives: dict[str, bytes],
    broken: str,
) -> None:
    nginx, modsecurity = (f"{STACK}/package/{name}" for name in names(versions))
    body = archives[versions.archives()[1]]
    if broken == "wrong md5":
        server.files[f"{modsecurity}.md5"] = b"0" * 32
        why = f"is not what was expected: its digest is md5:{md5(body)}, expected md5:{'0' * 32}"
    elif broken == "no md5":
        server.files[f"{nginx}.md5"] = b"<html>\n"
        why = f"{server.url}/{nginx}.md5 holds no MD5: it begins with '<html>\\n'"
    elif broken == "truncated":
        packaging.publish(server, STACK, {versions.archives()[1]: body[: len(body) // 2]})
        why = f"{versions.archives()[1]} is damaged: "
    elif broken == "no archive":
        del server.files[f"{modsecurity}.tgz"]
        why = f"{server.url}/{modsecurity}.tgz cannot be had: the server answers 404 Not Found"
    else:
        server.cut.add(f"{modsecurity}.tgz")
        why = f"{server.url}/{modsecurity}.tgz did not arrive whole: "
    with pytest.raises(EngineError) as caught:
        get()
    assert why in str(caught.value)
    of = platform.folder(STACK)
    assert [path.name for path in of.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("files", "links", "why"),
    [
        ({"../evil": b"x"}, {}, "leads out of it"),
        ({"lib/libx.so.1": b"x"}, {"lib/libmodsecurity.so.3": "/etc/passwd"}, "leads out of it"),
        ({}, {"lib/libmodsecurity.so.3": "../../../../etc/passwd"}, "leads out of it"),
    ],
)
def test_an_archive_that_reaches_outside_is_refused(  # noqa: PLR0913, PLR0917
    get: Callable[..., Path],
    server: FileServer,
    versions: Versions,
    files: dict[str, bytes],
    links: dict[str, str],
    why: str,
) -> None:
    name = versions.archives()[1]
    packaging.publish(server, STACK, {name: packaging.tgz(files, links)})
    with pytest.raises(EngineError, match=why):
        get()
    assert [path.name for path in platform.folder(STACK).iterdir()] == ["lock"]


def test_an_nginx_without_the_module(
    get: Callable[..., Path], server: FileServer, versions: Versions, engine_old: Engine
) -> None:
    bare = packaging.tgz({"sbin/nginx": engine_old.nginx.read_bytes()})
    packaging.publish(server, STACK, {versions.archives()[0]: bare})
    with pytest.raises(EngineError, match=" has no ModSecurity: "):
        get()


def test_archives_of_another_version_than_their_names_say(
    get: Callable[..., Path], server: FileServer, archives: dict[str, bytes], versions: Versions
) -> None:
    wrong = Versions(Version(1, 30, 4), Version(3, 0, 16))
    renamed = dict(zip(wrong.archives(), archives.values(), strict=True))
    packaging.publish(server, STACK, renamed)
    with pytest.raises(EngineError) as caught:
        get(versions=wrong)
    assert str(caught.value) == (
        f"the archives hold nginx {versions.nginx} and ModSecurity {versions.modsecurity},"
        " and their names say nginx 1.30.4 and ModSecurity 3.0.16"
    )


def test_with_the_server_down_the_engine_in_the_cache_stays(
    get: Callable[..., Path], said: Said, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = get()
    said.clear()
    base = go_down(monkeypatch)
    assert get() == root
    (told,) = said
    assert told == (
        f"{KEEPING}: {base}/{names(versions)[0]}.md5 cannot be reached: Connection refused\n"
        "    Check the network; behind a proxy, set $https_proxy."
    )


def test_with_the_server_down_a_broken_engine_does_not_stay(
    get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    next(get().glob("app/vendor/nginx/modules/*.so")).unlink()
    go_down(monkeypatch)
    with pytest.raises(EngineError, match="cannot be reached"):
        get()


def test_with_the_server_down_and_nothing_in_the_cache(
    get: Callable[..., Path], said: Said, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = go_down(monkeypatch)
    with pytest.raises(EngineError) as caught:
        get()
    url = f"{base}/{names(versions)[0]}.md5"
    assert str(caught.value) == (
        f"{url} cannot be reached: Connection refused\n"
        "    Check the network; behind a proxy, set $https_proxy."
    )
    assert said == [f"trying again: {url} cannot be reached: Connection refused"] * 2


def test_a_new_publication_that_does_not_work_leaves_what_does(
    get: Callable[..., Path], server: FileServer, versions: Versions, said: Said
) -> None:
    root = get()
    release = (root.parent / "current").readlink()
    packaging.publish(server, STACK, {versions.archives()[0]: packaging.tgz({"sbin/nginx": b""})})
    assert get() == root
    assert (root.parent / "current").readlink() == release
    assert said[-1].startswith(f"{KEEPING}: ")


def test_a_lock_that_is_met_needs_no_server(
    get: Callable[..., Path], server: FileServer, archives: dict[str, bytes], said: Said
) -> None:
    locked = {name: f"sha256:{hashlib.sha256(body).hexdigest()}" for name, body in archives.items()}
    root = get(locked=locked)
    assert archives_of(root) == locked
    assert stack_of(root) == STACK
    server.asked.clear()
    assert get(locked=locked) == root
    assert server.asked == []


def test_a_lock_that_is_not_met_says_what_changed(
    get: Callable[..., Path], archives: dict[str, bytes], versions: Versions
) -> None:
    get()
    name = versions.archives()[1]
    was = f"sha256:{'0' * 64}"
    now = f"sha256:{hashlib.sha256(archives[name]).hexdigest()}"
    with pytest.raises(ChangedError) as caught:
        get(locked={name: was})
    assert str(caught.value) == (
        f"{name} has changed since waf.lock was written: it was {was}, it is {now}\n"
        "    The platform published it anew under the same name. If that is fine, make the lock"
        " again:\n    waf-builder lock SPEC"
    )


def test_another_processor_is_left_to_apt(
    get: Callable[..., Path], server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EngineError) as caught:
        get()
    assert str(caught.value) == (
        "the platform's archives for scalingo-26 are for x86_64, and this machine is aarch64"
    )
    assert server.asked == []


@pytest.mark.parametrize("stack", ["../other", "a/b", "", ".", "sc alingo"])
def test_a_stack_is_a_name(said: Said, stack: str) -> None:
    with pytest.raises(EngineError) as caught:
        platform.get(stack, said)
    assert str(caught.value) == (
        f"{stack!r} is not the name of a stack, expected one such as scalingo-26"
    )


def test_without_strip_the_engine_is_only_larger(
    get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which
    monkeypatch.setattr("shutil.which", lambda name: None if name == "strip" else found(name))
    assert works(get())


def test_what_is_for_debuggers_is_removed(
    get: Callable[..., Path],
    program: Callable[[str, str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strip = program("strip", f'printf "%s\\n" "$@" > {tmp_path}/stripped')
    monkeypatch.setenv("PATH", f"{strip.parent}:{os.environ['PATH']}")
    get()
    option, *binaries = (tmp_path / "stripped").read_text().splitlines()
    assert option == "--strip-unneeded"
    found = {Path(binary).name for binary in binaries}
    assert {"nginx", "ngx_http_modsecurity_module.so", "libmodsecurity.so.3"} <= found
    assert not {"unicode.mapping", "archives.txt"} & found


def test_a_damaged_strip_does_not_get_through(
    get: Callable[..., Path],
    program: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strip = program("strip", 'shift; for f; do case $f in *nginx) : > "$f";; esac; done')
    monkeypatch.setenv("PATH", f"{strip.parent}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match="does not start"):
        get()


def test_find_knows_the_platform(
    server: FileServer, versions: Versions, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match=r"\$STACK is not set"):
        find("platform", OWN_CRS)
    monkeypatch.setenv("STACK", STACK)
    with pytest.raises(EngineError, match=r"nginx-1\.30\.4\.md5 cannot be had: .* 404"):
        find("platform", OWN_CRS)


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
