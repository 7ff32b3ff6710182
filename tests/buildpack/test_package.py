"""The release archive holds the same buildpack as a clone, and is the same each time."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import pytest
from support import deploys
from support.releases import package, unpack

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="a clone needs git")


@pytest.fixture(scope="module")
def with_wheels(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release archive with the wheels for this machine's Python."""
    target = f"--wheels={deploys.python_version()}-{os.uname().machine}"
    kept = tmp_path_factory.mktemp("wheels") / "buildpack.tgz"
    return Path(shutil.move(package(clone, target), kept))


def test_two_runs_give_the_same_bytes(clone):
    first = package(clone).read_bytes()
    os.utime(clone / "LICENSE", (0, 0))
    assert package(clone, umask=0o077).read_bytes() == first


def test_the_archive_has_bin_at_its_root_and_nothing_else_than_is_needed(clone):
    with tarfile.open(package(clone)) as archive:
        names = {Path(name).parts[0] for name in archive.getnames() if name != "pax_global_header"}
        assert archive.getmember("bin").linkname == "buildpack/bin"
    assert names == {"LICENSE", "bin", "buildpack", "pyproject.toml", "templates", "waf_builder"}


@pytest.mark.nginx
def test_a_clone_and_the_archive_give_the_same_app(clone, tmp_path, cache, reach):
    unpacked = unpack(package(clone), tmp_path / "unpacked")
    trees = []
    for name, root in (("from a clone", clone), ("from the archive", unpacked)):
        build = deploys.app(tmp_path / name)
        result = deploys.compile_app(build, cache, reach, root=root)
        assert result.status == 0, result.log
        trees.append(deploys.tree_of(build))
    assert trees[0] == trees[1]


@pytest.mark.nginx
def test_an_archive_with_wheels_needs_no_package_index(clone, tmp_path, cache, reach, with_wheels):
    shutil.rmtree(cache / "waf-builder/python")
    shutil.rmtree(cache / "waf-builder/pip")
    unpacked = unpack(with_wheels, tmp_path / "unpacked")
    build = deploys.app(tmp_path / "app")
    dead = "http://127.0.0.1:9/"
    result = deploys.compile_app(build, cache, reach, root=unpacked, PIP_INDEX_URL=dead)
    assert result.status == 0, result.log
    assert "locked libraries from the wheels of this buildpack" in result.log
