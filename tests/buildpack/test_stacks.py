"""The whole deployment on bare systems: as a user without rights, from a clone and the archive."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import deploys, engines, stacks
from support.releases import package, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.backends import Backend
    from support.stacks import Stack

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can enter another system"),
    pytest.mark.skipif(not stacks.wanted(), reason="run by make test-stacks"),
]

BUILDER, RUNNER = 12345, 23456
ATTACK = "/?q=1%20UNION%20SELECT%20password%20FROM%20users"


@pytest.fixture(scope="module", params=stacks.wanted() or ["none"])
def stack(request: pytest.FixtureRequest) -> Stack:
    return engines.or_skip(lambda: stacks.stack(request.param))


@pytest.fixture
def room(stack: Stack, backend: Backend) -> Iterator[Path]:
    """A folder in the system for one deployment, of the user who builds; named as inside."""
    inside = Path("/waf-builder-test")
    outside = stack.root / inside.relative_to("/")
    shutil.rmtree(outside, ignore_errors=True)
    shutil.rmtree(stack.root / "app", ignore_errors=True)
    for name in ("build", "cache", "env"):
        (outside / name).mkdir(parents=True)
    (outside / "build/backend.yaml").write_text(deploys.spec(backend.name, workers=2))
    for name in ("build", "cache", "env"):
        for path in (outside / name, *(outside / name).rglob("*")):
            os.chown(path, BUILDER, BUILDER)
    yield inside
    shutil.rmtree(outside)
    shutil.rmtree(stack.root / "app", ignore_errors=True)


def outside(stack: Stack, path: Path) -> Path:
    return stack.root / path.relative_to("/")


def compile_in(stack: Stack, room: Path, buildpack: str, build: str = "build") -> str:
    command = [f"{room}/{buildpack}/bin/compile"]
    run = stack.run(*command, *(f"{room}/{name}" for name in (build, "cache", "env")), user=BUILDER)
    assert run.returncode == 0, run.stdout
    return run.stdout


def command(stack: Stack, *words: str, user: int, backend: Backend) -> str:
    """Run a command of waf-builder in a one-off container of the app; return all that it said."""
    # The pipes are the user's, as on the platform.
    run = stack.run(
        *("bash", "-c", 'cd /app && "$@" > >(cat) 2>&1; status=$?; wait; exit "$status"', "bash"),
        *words,
        user=user,
        variables={
            "HOME": "/app",
            "BACKEND_PORT": str(backend.port),
            "WAF_RESOLVERS": "127.0.0.1",
            "PORT": "20000",
        },
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def look_around(stack: Stack, room: Path, backend: Backend) -> None:
    """The doctor finds what is deployed, for its owner and for a user without a home or a name."""
    for user in (BUILDER, RUNNER):
        shutil.rmtree(stack.root / f"tmp/waf-builder-{user}", ignore_errors=True)
    deployed, cloned = "/app/.waf/bin/waf-builder", f"{room}/clone/bin/waf-builder"
    first = command(stack, deployed, "doctor", user=RUNNER, backend=backend)
    assert "locked libraries from the package index" in first
    kept = stack.root / f"tmp/waf-builder-{RUNNER}"
    assert kept.is_dir(), "the home of this user is not theirs"
    again = command(stack, cloned, "doctor", user=RUNNER, backend=backend)
    for said in (first, again):
        assert re.search(r"^tree +ok +what the spec asks for", said, re.MULTILINE), said
        assert re.search(r"^backend: page +ok +GET /: ", said, re.MULTILINE), said
    shutil.rmtree(kept)
    command(stack, deployed, "lock", user=BUILDER, backend=backend)
    lock = stack.root / "app/waf.lock"
    shutil.rmtree(stack.root / "app/.cache")  # its owner has a home
    again = outside(stack, room) / "again"
    again.mkdir()
    for file in (lock, stack.root / "app/backend.yaml"):
        shutil.copy(file, again)
    for path in (again, *again.iterdir()):
        os.chown(path, BUILDER, BUILDER)
    log = compile_in(stack, room, "clone", "again")
    assert "locked by waf.lock" in log
    assert "Getting the package lists" not in log, "the cache has what is locked"


def test_a_whole_deployment(stack: Stack, room: Path, clone: Path, backend: Backend):
    shutil.copytree(clone, outside(stack, room) / "clone", symlinks=True)
    unpack(package(clone), outside(stack, room) / "archive")
    shutil.copytree(outside(stack, room) / "build", outside(stack, room) / "second")
    for path in (outside(stack, room) / "second", outside(stack, room) / "second/backend.yaml"):
        os.chown(path, BUILDER, BUILDER)

    for name in ("clone", "archive"):
        run = stack.run(f"{room}/{name}/bin/detect", f"{room}/build", user=BUILDER)
        assert (run.returncode, run.stdout) == (0, "waf-builder\n")
        run = stack.run(f"{room}/{name}/bin/release", f"{room}/build", user=BUILDER)
        assert run.stdout.endswith("  web: .waf/start\n")

    cold = compile_in(stack, room, "clone")
    print(cold)  # noqa: T201  seconds and sizes on this stack
    assert re.search(r"locked libraries from the package index", cold)
    warm = compile_in(stack, room, "archive", "second")
    print(warm)  # noqa: T201
    assert re.search(r"The locked libraries are in the cache", warm)
    assert re.search(r"Getting 0 of \d+ packages", warm)
    first, second = (deploys.tree_of(outside(stack, room) / name) for name in ("build", "second"))
    assert first == second

    (outside(stack, room) / "build").rename(stack.root / "app")
    look_around(stack, room, backend)
    with deploys.started(Path("/app"), backend.port, user=RUNNER, wrapper=stack.enter()) as waf:
        assert waf.ask("/?q=hello").status == 200
        assert waf.ask(ATTACK).status == 403
        assert 949110 in waf.rules("UNION%20SELECT")
        assert waf.stop(signal.SIGTERM) == 0
    assert not (stack.root / "app/.waf/tree/runtime").exists(), "the app is not the runner's"
