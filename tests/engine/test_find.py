from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from waf_builder.crs.installed import INITIALIZATION
from waf_builder.engine import apt, layout, store
from waf_builder.engine.find import find
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from waf_builder.engine.model import Engine

WAYS_OUT = (
    "\n    Any of these gives you one:\n"
    "      --engine apt      Debian 12 or Ubuntu 24.04 and newer: gets one without root,"
    " in a few seconds\n"
    "      --engine DIR      a folder with usr/sbin/nginx, its module and its libraries\n"
    "      apt-get install nginx libnginx-mod-http-modsecurity modsecurity-crs"
)

# Lays an engine over the machine's own folders, for one process only.
INSTALLED = """\
for folder in usr/lib usr/sbin usr/share etc; do
  mount -t overlay overlay -o "lowerdir=$0/$folder:/$folder" "/$folder" || exit 77
done
exec "$@"
"""
DESCRIBE = """\
import json, sys, time
from waf_builder.engine.find import find
found = find(*sys.argv[1:])
times = []
for _ in range(5):  # the least: another process may have the processor in any of them
    began = time.perf_counter()
    again = find(*sys.argv[1:])
    times.append(time.perf_counter() - began)
    assert again == found
took = min(times)
crs = found.crs and str(found.crs.folder)
print(json.dumps([str(found.root), str(found.nginx), str(found.module), str(found.unicode_map),
                  crs, found.command(), found.environment(), str(found.nginx_version), took]))
"""


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """A machine without an engine: nothing in PATH, nothing in the cache."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    if Path("/usr/sbin/nginx").exists():
        pytest.skip("this machine has an nginx in /usr/sbin")
    return folder


def rule_set(folder: Path, version: str) -> Path:
    file = folder / INITIALIZATION
    file.parent.mkdir(parents=True)
    file.write_text(f'SecComponentSignature "OWASP_CRS/{version}"\n')
    return folder


@pytest.mark.nginx
def test_an_engine_in_a_folder(copied: Path, engine: Engine, cache: Path) -> None:
    found = find(str(copied))
    assert found.root == copied
    assert found.nginx == copied / "usr/sbin/nginx"
    assert found.unicode_map == copied / "etc/nginx/unicode.mapping"
    assert found.crs is not None
    assert found.crs.folder == copied / "usr/share/modsecurity-crs"
    assert (found.loader is None) is (engine.loader is None)
    assert found.nginx_version == engine.nginx_version
    assert found.modsecurity_version == engine.modsecurity_version


@pytest.mark.nginx
def test_a_relative_folder_is_found_from_anywhere_later(
    engine: Engine, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(engine.root.parent)
    found = find("current")
    assert found.root == engine.root
    monkeypatch.chdir("/")
    run = subprocess.run(
        [*found.command(), "-v"],
        env={**os.environ, **found.environment()},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stderr == f"nginx version: nginx/{found.nginx_version}\n"


@pytest.mark.nginx
def test_the_generations_start_in_their_own_way(engine_old: Engine, engine_new: Engine) -> None:
    assert engine_old.loader is None
    assert engine_old.environment() == {"LD_LIBRARY_PATH": str(engine_old.library_path[0])}
    assert engine_new.loader is not None
    assert engine_new.environment() == {}
    assert engine_new.command()[0] == str(engine_new.loader)
    assert engine_old.nginx_version < Version(1, 27, 3) < engine_new.nginx_version


@pytest.mark.nginx
def test_finding_again_takes_milliseconds(engine: Engine, cache: Path) -> None:
    find(str(engine.root))
    times = []
    for _ in range(5):
        began = time.perf_counter()
        find(str(engine.root))
        times.append(time.perf_counter() - began)
    assert min(times) < 0.010


@pytest.mark.nginx
@pytest.mark.parametrize("where", ["system", "", "/"])
def test_an_installed_engine(engine_old: Engine, tmp_path: Path, where: str) -> None:
    """The engine of a system: laid over this one's folders where only the test sees it."""
    command = ["unshare", "--mount", "/bin/sh", "-c", INSTALLED, str(engine_old.root.resolve())]
    environment = {**os.environ, "WAF_BUILDER_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        [*command, sys.executable, "-c", DESCRIBE, where],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if run.returncode in {1, 77} and "ermi" in run.stderr:
        pytest.skip(f"mounts are not permitted here: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    *parts, took = json.loads(run.stdout)
    assert parts == [
        "/",
        "/usr/sbin/nginx",
        "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so",
        "/etc/nginx/unicode.mapping",
        "/usr/share/modsecurity-crs",
        ["/usr/sbin/nginx"],
        {},
        str(engine_old.nginx_version),
    ]
    assert took < 0.010


def test_nowhere_an_engine(nowhere: Path, cache: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find()
    assert str(caught.value) == (
        "no engine on this machine: nginx with ModSecurity\n"
        "    - the system: no nginx in PATH, nor in /usr/sbin\n"
        f"    - engines got by apt before: none in {store.folder()}" + WAYS_OUT
    )


def test_no_engine_in_the_system(nowhere: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find("system")
    assert str(caught.value) == (
        "no engine in the system: no nginx in PATH, nor in /usr/sbin" + WAYS_OUT
    )


def test_an_installed_nginx_without_modsecurity(
    nowhere: Path, program: Callable[[str, str], Path]
) -> None:
    program("nginx", "echo 'nginx version: nginx/1.30.0 --modules-path=/none' >&2")
    with pytest.raises(EngineError) as caught:
        find()
    assert (
        f"    - the system: {nowhere}/nginx has no ModSecurity:"
        f" /none/{layout.MODULE} is not there\n"
        "      On Debian and Ubuntu the package is libnginx-mod-http-modsecurity.\n"
        "    - engines got by apt before"
    ) in str(caught.value)


@pytest.mark.nginx
def test_an_engine_got_before_is_found(nowhere: Path, cache: Path, engine_old: Engine) -> None:
    store.folder().mkdir(parents=True)
    (store.folder() / "current").symlink_to(engine_old.root.resolve())
    for where in (None, "apt"):
        found = find(where)
        assert found.root == store.folder() / "current"
        assert found.nginx_version == engine_old.nginx_version


@pytest.mark.nginx
def test_an_engine_that_no_longer_starts_is_got_again(
    cache: Path, engine_old: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    (broken / "usr/sbin").mkdir(parents=True)
    (broken / "usr/sbin/nginx").write_text("not a program")
    asked = []

    def get(_progress: object, *, refresh: bool = False) -> Path:
        asked.append(refresh)
        return engine_old.root if refresh else broken

    monkeypatch.setattr(apt, "get", get)
    said: list[str] = []
    assert find("apt", progress=said.append).root == engine_old.root
    assert asked == [False, True]
    assert said[0].startswith(f"the engine in {broken} no longer starts, getting another: ")


@pytest.mark.nginx
def test_the_environment_names_an_engine_and_rules(
    nowhere: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rule_set(tmp_path / "crs", "4.28.0")
    monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine.root))
    monkeypatch.setenv("WAF_BUILDER_CRS", str(rules))
    found = find()
    assert found.root == engine.root
    assert found.crs is not None
    assert found.crs.version == Version(4, 28, 0)
    monkeypatch.setenv("WAF_BUILDER_CRS", "")
    assert find().crs == engine.crs


@pytest.mark.nginx
def test_what_is_named_comes_before_the_environment(
    engine_old: Engine, engine_new: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine_old.root))
    assert find(str(engine_new.root)).nginx_version == engine_new.nginx_version


@pytest.mark.nginx
def test_the_engine_s_own_rules_by_version(engine_old: Engine) -> None:
    assert engine_old.crs is not None
    version = engine_old.crs.version
    for wanted in (f"{version.major}", f"{version.major}.{version.minor}", f"{version}"):
        assert find(str(engine_old.root), wanted).crs == engine_old.crs


@pytest.mark.nginx
def test_rules_of_another_version_than_there_is(engine_old: Engine) -> None:
    assert engine_old.crs is not None
    with pytest.raises(EngineError) as caught:
        find(str(engine_old.root), "4")
    assert str(caught.value) == (
        f"Core Rule Set 4 is not there; the engine in {engine_old.root} came with:"
        f" {engine_old.crs.version}, in {engine_old.crs.folder}\n"
        "    Unpack a release from https://github.com/coreruleset/coreruleset/releases"
        " and name its folder: --crs DIR"
    )


@pytest.mark.nginx
def test_an_engine_without_rules(copied: Path, cache: Path) -> None:
    (copied / "usr/share/modsecurity-crs").rename(copied / "crs")
    assert find(str(copied)).crs is None
    with pytest.raises(EngineError, match=r"^Core Rule Set 3\.3\.4 is not there; .*: none\n"):
        find(str(copied), "3.3.4")
    found = find(str(copied), str(copied / "crs"))
    assert found.crs is not None
    assert found.crs.folder == copied / "crs"


def test_rules_that_are_none(tmp_path: Path, engine_old: Engine) -> None:
    with pytest.raises(EngineError, match=r"^no Core Rule Set in .*: there is no such folder$"):
        find(str(engine_old.root), str(tmp_path / "none"))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find(str(tmp_path / "none"))
    assert str(caught.value) == (
        f"no engine in {tmp_path}/none: there is no such folder\n"
        "    Expected `system`, `apt`, `platform`, or a folder with usr/sbin/nginx."
    )


def test_a_folder_without_an_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find(str(tmp_path))
    assert str(caught.value) == (
        f"no engine in {tmp_path}: it has no usr/sbin/nginx\n"
        "    An engine folder looks like the root of a system: usr/sbin/nginx,"
        " usr/lib/nginx/modules/ngx_http_modsecurity_module.so, and the libraries below usr/lib."
    )


@pytest.mark.nginx
def test_without_unicode_mapping(copied: Path, cache: Path) -> None:
    (copied / "etc/nginx/unicode.mapping").unlink()
    with pytest.raises(EngineError) as caught:
        find(str(copied))
    assert str(caught.value) == (
        f"no unicode.mapping below {copied}: looked at etc/nginx/unicode.mapping,"
        " usr/share/nginx/docs/modsecurity/unicode.mapping, etc/modsecurity/unicode.mapping\n"
        "    It comes with libmodsecurity; put a copy at the first of these."
    )


@pytest.mark.nginx
def test_an_nginx_that_is_too_old(copied: Path, cache: Path, engine: Engine) -> None:
    nginx = copied / "usr/sbin/nginx"
    text = nginx.read_bytes()
    version = f"nginx/{engine.nginx_version}".encode()
    nginx.write_bytes(text.replace(version, b"nginx/1.18.0"))
    with pytest.raises(EngineError) as caught:
        find(str(copied))
    assert str(caught.value) == (
        f"{nginx} is nginx 1.18.0; 1.19.5 or newer is needed,"
        " which can log to stderr from its first line on"
    )
