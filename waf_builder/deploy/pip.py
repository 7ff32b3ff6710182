"""pip, on a system whose Python has none: a program that runs out of a wheel, or a folder."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from waf_builder.deploy.log import Step
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.engine import store
from waf_builder.engine.single import unpack_package
from waf_builder.errors import EngineError

Meanwhile = Callable[[], object]
"""What is worth doing in the seconds that pip is at work."""

_PACKAGE = "python3-pip-whl"
"""Debian's and Ubuntu's package of pip as a wheel, which runs as it is."""

_WHEEL = "usr/share/python-wheels/pip-*.whl"
_MINUTES = 10

# The names of compiled libraries for any glibc that a stack has. Left to itself pip compares each
# of the index's twenty thousand files with the hundreds of names that this system could take.
_PLATFORMS = tuple(
    option
    for name in ("manylinux_2_28", "manylinux2014")
    for option in ("--platform", f"{name}_{platform.machine()}")
)

# Of pip's own settings only those about where packages come from: another buildpack's
# PIP_TARGET or PIP_USER would send them elsewhere.
_SETTINGS = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|TRUSTED_HOST|CERT|PROXY|CONFIG_FILE|RETRIES"
    r"|DEFAULT_TIMEOUT)|(?!PIP_).*"
)


@dataclass(frozen=True)
class Pip:
    """Where it lies, and options that say where packages come from."""

    program: Path
    options: tuple[str, ...]

    @classmethod
    def from_index(cls, wheel: Path, folder: Path) -> Pip:
        """Return pip out of a wheel, unpacked into a folder: it starts a second sooner there."""
        program = folder / "pip"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(program)
        return cls(program, _PLATFORMS)

    @classmethod
    def from_folder(cls, wheel: Path, wheels: Path) -> Pip:
        """Return pip as a wheel among the wheels that it is to install, and no others."""
        return cls(wheel, ("--no-index", "--find-links", str(wheels)))

    def install(self, requirements: Path, target: Path, meanwhile: Meanwhile | None) -> None:
        """Install what requirements locks; DeployError says why it could not."""
        environment = {name: value for name, value in os.environ.items() if _SETTINGS.match(name)}
        with subprocess.Popen(
            self._command(requirements, target),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as run:
            try:
                if meanwhile:
                    meanwhile()
                _, said = run.communicate(timeout=60 * _MINUTES)
            except subprocess.TimeoutExpired:
                run.kill()
                raise DeployError(
                    f"pip did not end within {_MINUTES} minutes: the package index does not answer."
                ) from None
            except BaseException:
                run.kill()
                raise
        if run.returncode != 0:
            raise DeployError(
                "The libraries that waf-builder needs could not be installed.\n\n"
                f"{_reasons(said)}\n\n"
                "They come from the Python package index, each with the checksum that this version"
                f" of\nwaf-builder was tested with.\n{_AGAIN}"
            )

    def _command(self, requirements: Path, target: Path) -> list[str]:
        return [
            *(sys.executable, "-I", str(self.program / "pip"), "install"),
            *("--target", str(target), "--requirement", str(requirements), *self.options),
            # All are in the file, each with its checksums; none may bring code that runs here.
            *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--no-compile", "--no-input", "--quiet"),
            *("--disable-pip-version-check", "--no-warn-script-location"),
            *("--root-user-action", "ignore", "--retries", "2", "--timeout", "20"),
        ]


def pip_wheel(deploy: Deploy, step: Step) -> Path:
    """Return pip's own wheel, got without root from the distribution's packages, and kept.

    DeployError when it cannot be had.
    """
    of = deploy.cache / "pip" / store.folder().name
    if (kept := next(iter(sorted(of.glob("pip-*.whl"))), None)) and _is_whole(kept):
        return kept
    step.detail(f"Getting pip: the package {_PACKAGE} of {deploy.stack}")
    got = of / "package"
    try:
        shutil.rmtree(of, ignore_errors=True)  # of a build that was killed
        unpacked = unpack_package(_PACKAGE, got, alone=True)
        for wheel in sorted(unpacked.glob(_WHEEL)):
            return wheel.rename(of / wheel.name)
        raise EngineError(f"the package {_PACKAGE} holds no {_WHEEL}")  # noqa: TRY301
    except EngineError as error:
        reason = "\n".join(f"  apt: {line}" for line in str(error).splitlines())
        raise DeployError(
            f"Python's package installer could not be had from {deploy.stack}.\n\n{reason}\n\n"
            "This stack's Python has no pip, so waf-builder takes it from the distribution's\n"
            f"package {_PACKAGE}.\n{_AGAIN}"
        ) from error
    finally:
        shutil.rmtree(got, ignore_errors=True)


def _is_whole(wheel: Path) -> bool:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


_AGAIN = """\
If the network or a registry is down, try again later: what was deployed last keeps
running. The release archive of waf-builder with wheels inside needs no package index."""


def _reasons(said: str) -> str:
    """Return what pip says is wrong, and first why no connection came about, if that is it."""
    lines = said.splitlines()
    cause = re.search(r"(\[Errno -?\d+\]|Read timed out|certificate verify failed)[^('\")>]*", said)
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-3:]
    shown = [*([f"no connection: {cause[0]}"] if cause else []), *errors]
    return "\n".join(f"  pip: {line}" for line in shown[:4])
