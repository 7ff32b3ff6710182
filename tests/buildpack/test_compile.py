"""bin/detect, bin/compile and bin/release, as the platform calls them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from support import deploys
from support.cases import for_each
from support.deploys import CHECKOUT, SPEC
from support.tree import descendants

if TYPE_CHECKING:
    from pathlib import Path

    from support.registry import Network

from waf_builder.deploy.dependencies import dependencies

APP_ID = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"


def detect(build: Path, **variables: str) -> tuple[int, str, str]:
    run = subprocess.run(
        [CHECKOUT / "bin/detect", build],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


@for_each(
    "file",
    [
        "backend.yaml",
        "waf.yaml",
        "backend.yml",
        "Backend.yaml",
        "backends.yaml",
        "waf.yml",
        "bakcend.yaml",
        "backend .yaml",
        "backend.ymal",
        "backend.yaml.bak",
        "backend",
        ".backend.yaml",
        "wfa.yaml",
        "backend.yaml/spec",
        "waf.lock",
        "config/backend.yaml",
        "waf/rules/before-crs/own.conf",
        "waf/templates/errors/page.html.j2",
    ],
)
def test_detects_an_app_that_wants_a_waf(tmp_path, file):
    """A misspelt one too: compile explains it where it is seen."""
    build = deploys.app(tmp_path / "app", {file: SPEC})
    assert detect(build) == (0, "waf-builder\n", "")


def test_detects_a_spec_that_is_a_link_to_nothing(tmp_path):
    build = deploys.app(tmp_path / "app", {})
    (build / "backend.yaml").symlink_to("submodule/backend.yaml")
    assert detect(build) == (0, "waf-builder\n", "")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"index.html": "", "package.json": "{}"},
        {"deploy/backend.yaml": "apiVersion: apps/v1\nkind: Deployment\n"},
        {"waf/README.md": ""},
        {"frontend.yaml": SPEC, "config.yaml": SPEC},
        {"bakcend.yaml": "apiVersion: apps/v1\nkind: Deployment\n"},
        {"a/b/backend.yaml": SPEC},
        {".git/backend.yaml": SPEC},
    ],
    ids=lambda files: " ".join(files) or "nothing",
)
def test_leaves_other_apps_alone(tmp_path, files):
    assert detect(deploys.app(tmp_path / "app", files)) == (1, "", "")


def test_release_starts_the_waf(tmp_path):
    run = subprocess.run(
        [CHECKOUT / "bin/release", tmp_path], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout == "---\ndefault_process_types:\n  web: .waf/start\n"


@pytest.mark.nginx
def test_two_deploys_give_the_same_app(tmp_path, first_deploy, cache, reach):
    """Byte for byte: built elsewhere, with a warm cache instead of a cold one."""
    build = deploys.app(tmp_path / "another name" / "app")
    assert deploys.compile_app(build, cache, reach).status == 0
    assert deploys.tree_of(build) == deploys.tree_of(first_deploy[0] / "app")


@pytest.mark.nginx
def test_a_deploy_over_an_earlier_one_replaces_it(tmp_path, first_deploy, cache, reach):
    build = shutil.copytree(first_deploy[0] / "app", tmp_path / "app", symlinks=True)
    (build / ".waf/tree/left.conf").write_text("of an earlier version\n")
    assert deploys.compile_app(build, cache, reach).status == 0
    assert deploys.tree_of(build) == deploys.tree_of(first_deploy[0] / "app")


@pytest.mark.nginx
def test_other_buildpacks_do_not_disturb_it(tmp_path, cache, reach):
    """Their Python, their programs and their libraries come first in what they leave behind."""
    left = tmp_path / "left"
    left.mkdir()
    for name in ("python3", "apt-get", "dpkg-deb", "ldd", "sh"):
        (left / name).write_text("#!/bin/bash\necho disturbed\nexit 99\n")
        (left / name).chmod(0o755)
    for name in ("json.py", "yaml.py", "click.py", "libz.so.1", "libselinux.so.1"):
        (left / name).write_text("disturbed")
    build = deploys.app(tmp_path / "app")
    result = deploys.compile_app(
        build,
        cache,
        reach,
        PATH=f"{left}:/usr/bin:/bin",
        PYTHONPATH=str(left),
        PYTHONHOME=str(left),
        PYTHONSTARTUP=str(left / "json.py"),
        LD_LIBRARY_PATH=str(left),
        PIP_TARGET=str(left),
        PIP_USER="1",
        CDPATH="/",
        BASH_ENV="",
    )
    assert result.status == 0, result.log


@pytest.mark.nginx
def test_only_the_variables_of_the_spec_are_read(tmp_path, cache, reach):
    env = tmp_path / "env"
    env.mkdir()
    (env / "API_APP_ID").write_text(APP_ID)
    os.mkfifo(env / "SECRET")  # whoever opened it would wait for ever
    spec = "backend:\n  process: api\n  port: 3000\n  app_id: ${API_APP_ID}\n"
    build = deploys.app(tmp_path / "app", {"backend.yaml": spec})
    result = deploys.compile_app(build, cache, reach, env=env)
    assert result.status == 0, result.log
    assert APP_ID not in result.log
    rendered = "".join(path.read_text() for path in (build / ".waf/tree").rglob("*.conf"))
    assert APP_ID in rendered


@pytest.mark.nginx
def test_a_damaged_cache_is_made_again(tmp_path, cache, reach):
    (library,) = (cache / "waf-builder/python").glob("*/jinja2/environment.py")
    library.write_text("damaged\n")
    (nginx,) = (cache / "waf-builder/engines").glob("*/engine-*/usr/sbin/nginx")
    nginx.write_bytes(nginx.read_bytes()[:1000])
    own = cache / "waf-builder"
    for pattern in ("pip/*/pip-*.whl", "engines/*/apt/state/lists/*_Packages*"):
        (file,) = own.glob(pattern)
        file.write_bytes(file.read_bytes()[:1000])
    (listing,) = own.glob("engines/*/engine-*/packages.txt")
    listing.write_bytes(b"\xff")
    build = deploys.app(tmp_path / "app")
    result = deploys.compile_app(build, cache, reach)
    assert result.status == 0, result.log
    assert "locked libraries from the package index" in result.log
    assert "The newest engine cannot be had" not in result.log


def test_a_wheel_with_another_checksum_is_refused(tmp_path, cache, materials):
    """Whoever holds the index cannot bring in code of their own."""
    shutil.rmtree(cache / "waf-builder/python")
    folder = tmp_path / "registry"
    with deploys.serve(folder / "served", materials) as registry:
        (wheel,) = (folder / "served/simple/click").glob("*.whl")
        content = wheel.read_bytes()
        wheel.unlink()
        wheel.write_bytes(content + b"\0")
        build = deploys.app(tmp_path / "app")
        result = deploys.compile_app(build, cache, registry.network(folder))
    assert result.status == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in result.log
    assert [path.name for path in (cache / "waf-builder/python").iterdir()] == ["lock"]


POINTS = {
    "-----> Preparing Python": "an empty cache",
    "Getting pip": "an empty cache",
    "at the same time": "an empty cache",
    "-----> Reading": "no engine",
    "Getting the package lists": "no engine",
    "packages, ": "no engine",
    "Unpacking": "no engine",
    "-----> Rendering": "a warm cache",
    "-----> Proving": "a warm cache",
    "-----> Installing into": "a warm cache",
}
"""Lines of the log after which a deploy is killed, and what the cache holds when it begins."""


@pytest.mark.nginx
@pytest.mark.slow
@pytest.mark.parametrize("line", POINTS)
def test_a_deploy_after_a_killed_one_succeeds(tmp_path, first_deploy, cache, reach, line):
    """The cache of a killed deploy serves the next one; the app folder is a new one then."""
    if POINTS[line] == "an empty cache":
        shutil.rmtree(cache / "waf-builder")
    elif POINTS[line] == "no engine":
        shutil.rmtree(cache / "waf-builder/engines")
    kill_after(line, deploys.app(tmp_path / "killed"), cache, reach)
    build = deploys.app(tmp_path / "app")
    result = deploys.compile_app(build, cache, reach)
    assert result.status == 0, result.log
    assert deploys.tree_of(build) == deploys.tree_of(first_deploy[0] / "app")
    left = [path for path in (cache / "waf-builder").rglob("*") if "staging" in path.name]
    assert left == []


def kill_after(wanted: str, build: Path, cache: Path, reach: Network) -> None:
    """Compile, and kill everything of it a moment after a line of its log."""
    process = subprocess.Popen(
        deploys.command(build, cache),
        env=deploys.environment(reach),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    while wanted not in (line := process.stdout.readline()):
        assert line, f"the deploy ended without {wanted!r}"
    time.sleep(random.uniform(0, 0.2))
    # The end of a container is the end of all of its processes, whatever session they are in.
    for pid in (process.pid, *descendants(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=20)


def test_nothing_but_the_standard_library_is_needed_to_begin():
    """A stack's Python has no site-packages; what begins must do without."""
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import bootstrap;"
        "print(*sorted(name for name in sys.modules if name.startswith(('yaml', 'click',"
        " 'pydantic', 'jinja2', 'crossplane'))))"
    )
    run = subprocess.run(
        [deploys.PYTHON, "-I", "-S", "-c", program, CHECKOUT / "buildpack/lib"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "\n", "")
    assert dependencies.__module__ == "waf_builder.deploy.dependencies"


@pytest.mark.parametrize("version", ["none", "3.9.18"])
def test_a_stack_without_a_python_of_use_is_told_why(tmp_path, version):
    python = tmp_path / "python3"
    if version != "none":
        python.write_text(
            f"#!/bin/sh\ncase $* in *version_info*) exit 1 ;; esac\necho Python {version}\n"
        )
        python.chmod(0o755)
    lib = CHECKOUT / "buildpack/lib"
    script = f". {lib}/output.sh; . {lib}/python.sh; SYSTEM_PYTHON={python}; python::require"
    run = subprocess.run(
        ["bash", "-c", script],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    problem, need = {
        "none": (f"This stack has no {python}.", "stacks since scalingo-22 has it"),
        "3.9.18": ("The Python of this stack is too old: Python 3.9.18.", "scalingo stacks-set"),
    }[version]
    assert f"\n !     Error: {problem}\n !\n !     waf-builder needs Python 3.10" in run.stderr
    assert need in run.stderr
