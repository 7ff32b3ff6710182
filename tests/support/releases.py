"""The buildpack in the two forms in which people use it: a clone, and the release archive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
_IDENTITY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}


def _git(*arguments: str | Path) -> None:
    subprocess.run(
        ["git", *arguments],  # noqa: S607
        env={**os.environ, **_IDENTITY},
        capture_output=True,
        timeout=120,
        check=True,
    )


def make_clone(folder: Path) -> Path:
    """Return a clone of the checkout as it stands, changes that are not committed included."""
    source = folder / "source"
    _git("init", "-q", source)
    here = (f"--git-dir={source}/.git", f"--work-tree={_CHECKOUT}")
    _git(*here, "add", "--all", ".")
    _git(*here, "commit", "-q", "-m", "as it stands")
    _git("clone", "-q", source, folder / "clone")
    return folder / "clone"


def package(clone: Path, *options: str, umask: int = 0o022) -> Path:
    """Run buildpack/package in a clone and return the archive."""
    run = subprocess.run(
        [clone / "buildpack/package", *options],
        env={**os.environ, "PYTHON": sys.executable},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
        umask=umask,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return clone / run.stdout.strip()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack as the platform does: nothing is stripped."""
    folder.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", folder], timeout=60, check=True)  # noqa: S607
    return folder
