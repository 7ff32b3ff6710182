"""The build log is what people see of a deploy: each word of it, for good apps and bad ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import deploys
from support.deploys import SPEC

from waf_builder.lock.model import Part, lock_of
from waf_builder.lock.write import lock_text
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.registry import Network

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SCALINGO = "scalingo-26"

LOGS = Path(__file__).parent / "logs"

BAD_APPS = {
    "no_spec": {"index.html": ""},
    "misspelt_spec": {"backend.yml": SPEC},
    "spec_in_a_folder": {"config/backend.yaml": SPEC},
    "rules_without_a_spec": {"waf/rules/before-crs/own.conf": "# none\n"},
    "two_specs": {"backend.yaml": SPEC, "waf.yaml": SPEC},
    "broken_spec": {"backend.yaml": "backend:\n  process: api\n  port: '3000'\n  app_id: pn-1\n"},
    "spec_is_no_yaml": {"backend.yaml": "backend: [\n"},
    "own_waf_folder": {"backend.yaml": SPEC, ".waf/notes.txt": "mine\n"},
    "own_profile": {"backend.yaml": SPEC, ".profile.d/waf.sh": "export MINE=1\n"},
    "unknown_rule": {
        "backend.yaml": SPEC,
        "waf/rules/after-crs/own.conf": "SecRuleRemoveById 942999\n",
    },
    "bad_rule_file": {
        "backend.yaml": SPEC,
        "waf/rules/before-crs/own.conf": (
            'SecRule ARGS "@contain x" "id:10100,phase:2,deny"\nSecRulez On\n'
        ),
    },
    "rules_that_refuse_everything": {
        "backend.yaml": SPEC,
        "waf/rules/before-crs/own.conf": (
            'SecRule REQUEST_URI "@beginsWith /" "id:10100,phase:1,deny,status:403"\n'
        ),
    },
    "rules_that_pass_everything": {
        "backend.yaml": SPEC,
        "waf/rules/before-crs/own.conf": (
            'SecRule REQUEST_URI "@beginsWith /" "id:10100,phase:1,pass,nolog,ctl:ruleEngine=Off"\n'
        ),
    },
    "damaged_lock": {
        "backend.yaml": SPEC,
        "waf.lock": "lock: 1\nengine:\n  kind: platfrom\ncrs:\n  version: 4\n",
    },
}


@pytest.fixture
def same(update_golden: bool) -> Callable[[str, str], None]:
    """Compare a log with the one that is kept."""

    def compare(name: str, log: str) -> None:
        file = LOGS / f"{name}.log"
        if update_golden:
            file.parent.mkdir(exist_ok=True)
            file.write_text(log)
        assert log == file.read_text()

    return compare


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return deploys.app(tmp_path / "app")


def test_first_deploy(first_deploy, same):
    same("first_deploy", first_deploy[1])


def test_second_deploy(build, cache, reach, same):
    same("second_deploy", deploys.compile_app(build, cache, reach).normal)


@pytest.mark.parametrize("name", BAD_APPS)
def test_bad_app(name, tmp_path, cache, reach, same):
    """Nothing is left of a deploy that failed."""
    build = deploys.app(tmp_path / "app", BAD_APPS[name])
    before = deploys.tree_of(build)
    result = deploys.compile_app(build, cache, reach)
    assert result.status == 1
    assert deploys.tree_of(build) == before
    same(name, result.normal)


def test_engine_missing(build, cache, materials, tmp_path, same):
    shutil.rmtree(cache / "waf-builder/engines")
    folder = tmp_path / "registry"
    with deploys.serve(folder / "served", materials, without="libnginx-mod") as registry:
        result = deploys.compile_app(build, cache, registry.network(folder))
    assert not (build / ".waf").exists()
    same("engine_missing", result.normal)


def test_without_jemalloc(build, cache, materials, tmp_path, same):
    """It is an extra: one calm line."""
    shutil.rmtree(cache / "waf-builder/engines")
    folder = tmp_path / "registry"
    with deploys.serve(folder / "served", materials, without="libjemalloc2") as registry:
        result = deploys.compile_app(build, cache, registry.network(folder))
    assert result.status == 0, result.log
    same("without_jemalloc", result.normal)


def test_registry_down_cold(build, tmp_path, same):
    (tmp_path / "cache").mkdir()
    result = deploys.compile_app(build, tmp_path / "cache", deploys.nowhere(tmp_path / "net"))
    assert not (build / ".waf").exists()
    same("registry_down_cold", result.normal)


def test_registry_down_without_an_engine(build, cache, tmp_path, same):
    shutil.rmtree(cache / "waf-builder/engines")
    result = deploys.compile_app(build, cache, deploys.nowhere(tmp_path / "net"))
    same("registry_down_without_an_engine", result.normal)


def test_registry_down_warm(build, cache, first_deploy, tmp_path, same):
    """A deploy survives an outage, and says so."""
    known = first_deploy[0] / "url"
    result = deploys.compile_app(build, cache, deploys.nowhere(tmp_path / "net", known.read_text()))
    assert result.status == 0, result.log
    assert (build / ".waf/start").is_file()
    same("registry_down_warm", result.normal)


def test_index_down(build, cache, reach, tmp_path, same):
    shutil.rmtree(cache / "waf-builder/python")
    down = deploys.nowhere(tmp_path / "net").variables()["PIP_INDEX_URL"]
    result = deploys.compile_app(build, cache, reach, PIP_INDEX_URL=down)
    same("index_down", result.normal)


def test_unknown_engine_setting(build, cache, reach, tmp_path, same):
    env = tmp_path / "env"
    env.mkdir()
    (env / "WAF_BUILDER_ENGINE").write_text("nginx.org")
    result = deploys.compile_app(build, cache, reach, env=env)
    same("unknown_engine_setting", result.normal)


def test_lock_mismatch(tmp_path, cache, reach, engine_old: Engine, same):
    """Another version, another file, other rules: each is named, and nothing is deployed."""
    crs = engine_old.crs
    assert crs
    lock = lock_of(engine_old, crs, "0.1.0")
    changed = replace(
        lock.engine,
        nginx=Part(Version(1, 20, 1)),
        libmodsecurity=replace(lock.engine.libmodsecurity, digest=f"sha256:{'0' * 64}"),
    )
    lock = replace(lock, engine=changed)
    build = deploys.app(
        tmp_path / "app",
        {"backend.yaml": SPEC, "waf.lock": lock_text(lock, "backend.yaml")},
    )
    before = deploys.tree_of(build)
    result = deploys.compile_app(build, cache, reach)
    assert deploys.tree_of(build) == before
    same("lock_mismatch", _of_any_engine(result.normal, engine_old))


def _of_any_engine(log: str, engine: Engine) -> str:
    """Return a log without the versions and the files of the engine of this machine."""
    log = re.sub(r"sha256:(?!0{64})[0-9a-f]{64}", "sha256:DIGEST", log)
    for version in (engine.nginx_version, engine.modsecurity_version):
        log = re.sub(rf"\b{re.escape(str(version))}\b", "N", log)
    return log


def test_platform_down_cold(build, cache, reach, same):
    """Packages take its place, and nobody can miss it."""
    _make_engines_those_of(cache, SCALINGO)
    result = deploys.compile_app(build, cache, reach, STACK=SCALINGO)
    assert result.status == 0, result.log
    same("platform_down_cold", result.normal)


def test_platform_forced_and_down(build, cache, reach, same):
    forced = {"STACK": SCALINGO, "WAF_BUILDER_ENGINE": "platform"}
    result = deploys.compile_app(build, cache, reach, **forced)
    assert not (build / ".waf").exists()
    same("platform_forced_and_down", result.normal)


def _make_engines_those_of(cache: Path, stack: str) -> None:
    (there,) = (cache / "waf-builder/engines").iterdir()
    there.rename(there.with_name(there.name.replace(deploys.STACK, stack)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path, int], None]]:
    """Put small file systems under folders."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted: list[Path] = []

    def mount(folder: Path, kilobytes: int) -> None:
        folder.mkdir(exist_ok=True)
        run = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "small", folder],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if run.returncode != 0:
            pytest.skip(f"no small disk can be mounted here: {run.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], timeout=30, check=True)  # noqa: S607


def test_full_disk_of_the_app(tmp_path, cache, reach, small_disk, same):
    build = tmp_path / "app"
    small_disk(build, 3000)
    (build / "backend.yaml").write_text(SPEC)
    result = deploys.compile_app(build, cache, reach)
    assert [path.name for path in build.iterdir()] == ["backend.yaml"]
    same("full_disk", result.normal)


def test_full_disk_of_the_cache(build, tmp_path, reach, small_disk):
    """Nothing is begun: `apt-get update` would wait for ever."""
    small_disk(tmp_path / "cache", 9000)
    result = deploys.compile_app(build, tmp_path / "cache", reach)
    assert result.status == 1
    said = (LOGS / "full_disk.log").read_text()
    assert result.normal == said[said.index("\n !     Error") :]


def test_a_cache_that_cannot_be_written(build, tmp_path, reach: Network, same):
    (tmp_path / "cache").write_text("a file")
    same("cache_is_a_file", deploys.compile_app(build, tmp_path / "cache", reach).normal)
