"""What users get: the wheel, made from the source archive, away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import waf_builder
from waf_builder.pipeline import Choice, render_spec
from waf_builder.render.publish import read_tree

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*/backend.yaml"))

pytestmark = pytest.mark.xdist_group("packaging")  # the archives are built once


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command to its good end, and return what it said."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(cwd), "WAF_BUILDER_ENGINE": "none"}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**plain, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(source: Path, target: str, into: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, cwd=source)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    archive = build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as opened:
        opened.extractall(folder)  # noqa: S202  our own
    (unpacked,) = folder.iterdir()
    return unpacked


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(sdist, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin/ of an environment in which nothing but the wheel is installed.

    Its dependencies are those of the checkout, by a path that brings none of its .pth files
    along: what is imported as waf_builder can only be the wheel's.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = run(python, "-c", "import waf_builder; print(waf_builder.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(site)
    return folder / "bin"


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_everything_that_the_checkout_has(wheel: Path):
    expected = {
        *(f"waf_builder/{name}" for name in files_below(ROOT / "waf_builder")),
        *(f"waf_builder/templates/{name}" for name in files_below(ROOT / "templates")),
        *(f"waf_builder/runtime/{name}" for name in files_below(ROOT / "buildpack" / "runtime")),
    }

    assert names_in(wheel) == expected
    assert "waf_builder/runtime/start-waf" in expected
    assert "waf_builder/templates/nginx.conf.j2" in expected
    assert "waf_builder/py.typed" in expected


def test_the_wheel_of_the_checkout_is_that_of_the_source_archive(wheel: Path, tmp_path: Path):
    direct = build(ROOT, "wheel", tmp_path)

    with zipfile.ZipFile(direct) as one, zipfile.ZipFile(wheel) as other:
        for name in one.namelist():
            assert one.read(name) == other.read(name), name
        assert one.namelist() == other.namelist()


def test_the_source_archive_has_what_a_buildpack_and_a_developer_need(sdist: Path):
    for folder in ("buildpack", "templates", "examples", "docs"):
        assert files_below(sdist / folder) == files_below(ROOT / folder)
    for file in ("README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"):
        assert (sdist / file).read_bytes() == (ROOT / file).read_bytes()
    assert (sdist / "tests" / "test_packaging.py").exists()
    assert os.access(sdist / "buildpack" / "runtime" / "start-waf", os.X_OK)


def test_the_metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith("dist-info/METADATA")]
        metadata = opened.read(name).decode()
        (entry,) = [name for name in opened.namelist() if name.endswith("entry_points.txt")]
        scripts = opened.read(entry).decode()

    assert f"\nVersion: {waf_builder.__version__}\n" in metadata
    assert "\nRequires-Python: >=3.10\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "waf-builder = waf_builder.cli:main" in scripts


def test_the_commands(installed: Path, tmp_path: Path):
    version = f"waf-builder, version {waf_builder.__version__}\n"

    assert run(installed / "waf-builder", "--version", cwd=tmp_path) == version
    assert run(installed / "python", "-m", "waf_builder", "--version", cwd=tmp_path) == version
    listed = run(installed / "waf-builder", "templates", "list", cwd=tmp_path)
    assert "server.conf.j2" in listed


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda spec: spec.parent.name)
def test_the_wheel_renders_the_same_bytes(installed: Path, spec: Path, tmp_path: Path):
    run(installed / "waf-builder", "render", spec, "-o", "out", cwd=tmp_path)

    checkout = render_spec(spec, Choice(engine="none"), environ={}).tree
    assert read_tree(tmp_path / "out") == checkout


def test_the_wheel_finds_its_boot_script(installed: Path, tmp_path: Path):
    code = "from waf_builder.paths import start_waf; print(start_waf().read_text(), end='')"

    text = run(installed / "python", "-c", code, cwd=tmp_path)
    assert text == (ROOT / "buildpack/runtime/start-waf").read_text(encoding="utf-8")
