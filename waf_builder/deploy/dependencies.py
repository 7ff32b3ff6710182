"""The libraries that waf-builder needs while it builds, on a Python without pip or venv.

Only the standard library is imported here: this is what makes the others available. What is
installed is locked by checksums, and kept in the cache for the next deploy.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from waf_builder.deploy.log import Log, Step, megabytes
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.engine import store
from waf_builder.engine.single import unpack_package
from waf_builder.errors import EngineError

REQUIREMENTS = "requirements.txt"
WHEELS = "wheels"
"""In the folder of the buildpack; a release archive may carry the second."""

_PIP_PACKAGE = "python3-pip-whl"
"""Debian's and Ubuntu's package of pip as a wheel, which runs as it is."""

_PIP_WHEEL = "usr/share/python-wheels/pip-*.whl"
_STAMP = ".complete"
_STAGING = ".staging-"
_MINUTES = 10

# The names of compiled libraries for any glibc that a stack has. Left to itself pip compares each
# of the index's twenty thousand files with the hundreds of names that this system could take.
_PLATFORMS = [
    option
    for name in ("manylinux_2_28", "manylinux2014")
    for option in ("--platform", f"{name}_{platform.machine()}")
]

# Of pip's own settings only those about where packages come from: another buildpack's
# PIP_TARGET or PIP_USER would send them elsewhere.
_PIP_SETTINGS = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|TRUSTED_HOST|CERT|PROXY|CONFIG_FILE|RETRIES"
    r"|DEFAULT_TIMEOUT)|(?!PIP_).*"
)


def dependencies(deploy: Deploy, buildpack: Path, log: Log) -> Path:
    """Return a folder with the locked libraries for this Python, for sys.path.

    buildpack: holds requirements.txt, and perhaps wheels/.
    DeployError when they are not in the cache and cannot be had.
    """
    requirements = buildpack / REQUIREMENTS
    folder = _folder(deploy, requirements)
    with log.step(f"Preparing Python {platform.python_version()}") as step:
        if kept(deploy, buildpack):
            step.done("The locked libraries are in the cache", megabytes(_size(folder)))
            return folder
        _clear(folder.parent)
        _install(requirements, buildpack / WHEELS, folder, deploy, step)
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


def _install(requirements: Path, wheels: Path, folder: Path, deploy: Deploy, step: Step) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder.parent))
    try:
        target = staging / "libraries"
        source = "the wheels of this buildpack"
        if not _from_wheels(requirements, wheels, target):
            source = "the package index"
            pip = _unpacked(_pip(deploy, step), staging)
            _run_pip(pip, requirements, target, _PLATFORMS)
        target.chmod(0o755)
        (target / _STAMP).write_text(_digest(target), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    count = sum(1 for _ in folder.glob("*.dist-info"))
    step.done(f"{count} locked libraries from {source}", megabytes(_size(folder)))


def _from_wheels(requirements: Path, wheels: Path, target: Path) -> bool:
    """Install from wheels that came along; False where there are none for this Python."""
    pip = next(iter(sorted(wheels.glob("pip-*.whl"))), None)
    if pip is None:
        return False
    try:
        _run_pip(pip, requirements, target, ["--no-index", "--find-links", str(wheels)])
    except DeployError:
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def _pip(deploy: Deploy, step: Step) -> Path:
    """Return pip's own wheel, got without root from the distribution's packages."""
    of = deploy.cache / "pip" / store.folder().name
    if kept := next(iter(sorted(of.glob("pip-*.whl"))), None):
        return kept
    step.detail(f"Getting pip: the package {_PIP_PACKAGE} of {deploy.stack}")
    got = of / "package"
    try:
        shutil.rmtree(of, ignore_errors=True)  # of a build that was killed
        unpacked = unpack_package(_PIP_PACKAGE, got, alone=True)
        for wheel in sorted(unpacked.glob(_PIP_WHEEL)):
            return wheel.rename(of / wheel.name)
        raise EngineError(f"the package {_PIP_PACKAGE} holds no {_PIP_WHEEL}")  # noqa: TRY301
    except EngineError as error:
        reason = "\n".join(f"  apt: {line}" for line in str(error).splitlines())
        raise DeployError(
            f"Python's package installer could not be had from {deploy.stack}.\n\n{reason}\n\n"
            "This stack's Python has no pip, so waf-builder takes it from the distribution's\n"
            f"package {_PIP_PACKAGE}.\n{_AGAIN}"
        ) from error
    finally:
        shutil.rmtree(got, ignore_errors=True)


_AGAIN = """\
If the network or a registry is down, try again later: what was deployed last keeps
running. The release archive of waf-builder with wheels inside needs no package index."""


def _unpacked(wheel: Path, folder: Path) -> Path:
    """Return a folder that holds pip; out of its wheel it starts a second sooner."""
    of = folder / "pip"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(of)
    return of


def _run_pip(pip: Path, requirements: Path, target: Path, options: list[str]) -> None:
    """Install with pip, which lies in a wheel or a folder."""
    command = [
        *(sys.executable, "-I", str(pip / "pip"), "install"),
        *("--target", str(target), "--requirement", str(requirements), *options),
        # All are in the file, each with its checksums; none may bring code that runs here.
        *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
        *("--no-cache-dir", "--no-compile", "--no-input", "--quiet"),
        *("--disable-pip-version-check", "--no-warn-script-location"),
        *("--root-user-action", "ignore", "--retries", "2", "--timeout", "20"),
    ]
    environment = {name: value for name, value in os.environ.items() if _PIP_SETTINGS.match(name)}
    try:
        run = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60 * _MINUTES,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(
            f"pip did not end within {_MINUTES} minutes: the package index does not answer."
        ) from None
    if run.returncode != 0:
        raise DeployError(
            "The libraries that waf-builder needs could not be installed.\n\n"
            f"{_reasons(run.stderr)}\n\n"
            "They come from the Python package index, each with the checksum that this version of\n"
            f"waf-builder was tested with.\n{_AGAIN}"
        )


def _reasons(said: str) -> str:
    """Return what pip says is wrong, and first why no connection came about, if that is it."""
    lines = said.splitlines()
    cause = re.search(r"(\[Errno -?\d+\]|Read timed out|certificate verify failed)[^('\")>]*", said)
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-3:]
    shown = [*([f"no connection: {cause[0]}"] if cause else []), *errors]
    return "\n".join(f"  pip: {line}" for line in shown[:4])


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


def _clear(python: Path, besides: Path | None = None) -> None:
    """Remove what a kill left, and with `besides` all other sets of libraries too."""
    for entry in python.glob(f"{_STAGING}*" if besides is None else "*"):
        if entry != besides:
            shutil.rmtree(entry, ignore_errors=True)
