"""The libraries that waf-builder needs while it builds, on a Python without pip or venv.

Only the standard library is imported here: this is what makes the others available. What is
installed is locked by checksums, and kept in the cache for the next deploy.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from waf_builder.deploy.log import Log, Step, megabytes
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.deploy.pip import Meanwhile, Pip, pip_wheel
from waf_builder.engine import store

REQUIREMENTS = "requirements.txt"
WHEELS = "wheels"
"""In the folder of the buildpack; a release archive may carry the second."""

_STAMP = ".complete"
_STAGING = ".staging-"


def dependencies(
    deploy: Deploy, buildpack: Path, log: Log, meanwhile: Meanwhile | None = None
) -> Path:
    """Return a folder with the locked libraries for this Python, for sys.path.

    buildpack: holds requirements.txt, and perhaps wheels/.
    meanwhile: called each time that pip is at work, which takes seconds.
    DeployError when they are not in the cache and cannot be had.
    """
    folder = _folder(deploy, buildpack / REQUIREMENTS)
    with log.step(f"Preparing Python {platform.python_version()}") as step:
        if kept(deploy, buildpack):
            step.done("The locked libraries are in the cache", megabytes(_size(folder)))
            return folder

        def progress(message: str) -> None:
            step.detail(message.capitalize())

        with store.locked(folder.parent, progress, "the libraries"):
            if not kept(deploy, buildpack):
                _install(deploy, buildpack, folder, step, meanwhile)
                _clear(folder.parent, besides=folder)
    return folder


def kept(deploy: Deploy, buildpack: Path) -> Path | None:
    """Return the folder that `dependencies` does, when all of it is in the cache already."""
    folder = _folder(deploy, buildpack / REQUIREMENTS)
    return folder if _is_whole(folder) else None


def _folder(deploy: Deploy, requirements: Path) -> Path:
    return deploy.cache / "python" / _key(requirements)


def _key(requirements: Path) -> str:
    """Return what a set of libraries is good for: compiled ones fit one Python and processor."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    major, minor = sys.version_info[:2]
    return f"{major}.{minor}-{platform.machine()}-{digest[:16]}"


def _install(
    deploy: Deploy, buildpack: Path, folder: Path, step: Step, meanwhile: Meanwhile | None
) -> None:
    requirements = buildpack / REQUIREMENTS
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder.parent))
    try:
        target = staging / "libraries"
        source = "the wheels of this buildpack"
        if not _from_wheels(requirements, buildpack / WHEELS, target, meanwhile):
            source = "the package index"
            Pip.from_index(pip_wheel(deploy, step), staging).install(
                requirements, target, meanwhile
            )
        target.chmod(0o755)
        (target / _STAMP).write_text(_digest(target), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    count = sum(1 for _ in folder.glob("*.dist-info"))
    step.done(f"{count} locked libraries from {source}", megabytes(_size(folder)))


def _from_wheels(
    requirements: Path, wheels: Path, target: Path, meanwhile: Meanwhile | None
) -> bool:
    """Install from wheels that came along; False where there are none for this Python."""
    wheel = next(iter(sorted(wheels.glob("pip-*.whl"))), None)
    if wheel is None:
        return False
    try:
        Pip.from_folder(wheel, wheels).install(requirements, target, meanwhile)
    except DeployError:
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def _is_whole(folder: Path) -> bool:
    """Return whether nothing has been lost or changed in it since it was installed."""
    try:
        return (folder / _STAMP).read_text(encoding="utf-8") == _digest(folder)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in _files(folder):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        whole.update(f"{content} {file.relative_to(folder)}\n".encode())
    return whole.hexdigest()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in _files(folder))


def _files(folder: Path) -> list[Path]:
    """Return what was installed; Python itself writes its bytecode beside it later."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != _STAMP and file.suffix != ".pyc"
    ]


def _clear(python: Path, besides: Path) -> None:
    """Remove all other sets of libraries."""
    for entry in python.iterdir():
        if entry.is_dir() and entry != besides:
            shutil.rmtree(entry, ignore_errors=True)
