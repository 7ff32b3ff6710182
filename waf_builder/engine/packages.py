"""apt-get with folders of its own: resolves and downloads packages, installs nothing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from waf_builder.errors import EngineError

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$")
_SETTING = re.compile(r'^(?P<name>[^"]+) "(?P<value>[^"]*)";$')
# Of the machine's settings only those about where packages come from: proxies, credentials,
# mirrors, pins. Not its hooks, which would run after our update too, and not its extra indexes.
_KEPT = ("Acquire::", "APT::Architecture", "APT::Default-Release", "Dir::Etc", "Dir::Ignore")
_DROPPED = ("Acquire::IndexTargets", "Acquire::Languages", "Dir::Etc::main", "Dir::Etc::parts")
_PATIENCE = {
    "Acquire::Retries": "3",
    "Acquire::Retries::Delay::Maximum": "3",
    "Acquire::http::Timeout": "30",
    "Acquire::https::Timeout": "30",
}
BRIEF = {
    "Acquire::Retries": "0",
    "Acquire::http::Timeout": "10",
    "Acquire::https::Timeout": "10",
}
"""Settings for what is not worth waiting for."""

_FETCHED: dict[Path, list[str]] = {}
"""The folders whose lists this process has fetched, and what apt complained about."""

_DAMAGED = "package lists or status file could not be parsed"
"""What apt says when a list in its folder was cut short, as by a disk that was full."""

_HELPER = "/usr/lib/apt/apt-helper"
_STATUS = Path("/var/lib/dpkg/status")
_FIELDS = ("Package", "Status", "Version", "Architecture", "Multi-Arch", "Provides")


@dataclass(frozen=True)
class Package:
    """A package file that apt chose; name is the package's, size in bytes."""

    name: str
    file: str
    uri: str
    size: int
    sha256: str


class AptError(EngineError):
    """apt-get could not do it; `said` holds its own `E:` and `W:` lines."""

    def __init__(self, message: str, said: Sequence[str]) -> None:
        self.said = tuple(said)
        super().__init__(message)


class Apt:
    """One apt-get session below a folder, with a package database of its own.

    status: what counts as installed, in dpkg's format (see `private_status`).
    settings: apt settings on top of the machine's.
    The folder keeps the package lists and the downloaded archives for the next time, which is
    what lets a build survive a registry that is down.
    """

    def __init__(
        self, folder: Path, status: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._lists = Path((settings or {}).get("Dir::State::lists", folder / "state/lists"))
        self._archives = folder / "archives"
        self._cache = folder / "cache"
        self._conf = folder / "apt.conf"
        # apt stops when one of its folders is missing instead of making it.
        for below in ("state/lists/partial", "archives/partial", "cache", "log", "none/partial"):
            (folder / below).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text(status, encoding="utf-8")
        self._conf.write_text(self._configuration(settings or {}), encoding="utf-8")

    def update(self, *, again: bool = False) -> list[str]:
        """Fetch the package lists; return apt's complaints, which need not matter.

        A list that does not come (a third party's, or all when the network is down) is no
        error yet: what is needed may be in the others, or in those of the last time.
        again: although this process has fetched them before.
        """
        if again or self._lists not in _FETCHED:
            _code, _out, said = self._run(["update"])
            if any(_DAMAGED in line for line in said):
                # apt takes what it has for a part of what is new, and never gets over it.
                shutil.rmtree(self._lists)
                (self._lists / "partial").mkdir(parents=True)
                _code, _out, said = self._run(["update"])
            _FETCHED[self._lists] = said
        return _FETCHED[self._lists]

    def resolve(self, names: Sequence[str], *, alone: bool = False) -> list[Package]:
        """Return `names` and what they need besides what is installed; AptError if none fit.

        alone: without what they need.
        """
        # With an empty archives folder, since apt leaves out what is downloaded already.
        code, out, said = self._run(
            [
                *("-o", f"Dir::Cache::archives={self._folder / 'none'}/"),
                *("-o", "Acquire::ForceHash=SHA256"),
                *("--print-uris", "download" if alone else "install", *names),
            ]
        )
        if code != 0:
            raise AptError(f"apt finds no way to get {', '.join(names)}", said)
        return [
            Package(
                name=match["file"].partition("_")[0],
                file=match["file"],
                uri=match["uri"],
                size=int(match["size"]),
                sha256=match["sha256"],
            )
            for match in map(_URI.match, out.splitlines())
            if match
        ]

    def missing(self, packages: Iterable[Package]) -> list[Package]:
        """Return those of packages whose files are not here yet, or not whole."""
        return [
            package for package in packages if not _intact(self._archives / package.file, package)
        ]

    def download(self, packages: Iterable[Package]) -> list[Path]:
        """Return the files of packages, each with the right checksum.

        Archives of other versions are removed. AptError when one cannot be had.
        """
        wanted = {package.file: package for package in packages}
        missing = {package.file: package for package in self.missing(wanted.values())}
        for archive in self._archives.glob("*.deb"):
            if archive.name in missing or archive.name not in wanted:
                archive.unlink()
        if missing:
            files = (
                (package.uri, str(self._archives / package.file), f"SHA256:{package.sha256}")
                for package in missing.values()
            )
            # apt-get would choose all over again, which takes a second.
            code, _out, said = self._call([_HELPER, "download-file", *chain.from_iterable(files)])
            if code != 0:
                raise AptError("apt could not download all packages", said)
            if broken := self.missing(wanted.values()):
                raise AptError(f"{broken[0].uri} did not arrive whole", [])
        return [self._archives / file for file in wanted]

    def close(self) -> None:
        """Remove what is quick to make again: apt's own caches, tens of megabytes."""
        shutil.rmtree(self._cache, ignore_errors=True)

    def _configuration(self, settings: Mapping[str, str]) -> str:
        ours = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::State": f"{self._folder}/state",
            "Dir::State::status": f"{self._folder}/status",
            "Dir::Cache": f"{self._cache}",
            "Dir::Cache::archives": f"{self._archives}/",
            "Dir::Log": f"{self._folder}/log",
            "Debug::NoLocking": "true",  # the system's locks need root; ours is the store's
            "APT::Sandbox::User": "",  # apt's own user cannot write to our folders
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            "Acquire::GzipIndexes": "true",
            **settings,
        }
        # The last one wins: the machine knows its network better than we do.
        lines = [*_lines(_PATIENCE), *_machine_settings(), *_lines(ours)]
        if bad := [line for line in lines if line.count('"') != 2]:  # noqa: PLR2004
            raise EngineError(f"apt cannot use a folder with a double quote in its name: {bad[0]}")
        return "\n".join(lines) + "\n"

    def _run(self, arguments: Sequence[str]) -> tuple[int, str, list[str]]:
        return self._call(["apt-get", "-q", "-y", *arguments])

    def _call(self, command: Sequence[str]) -> tuple[int, str, list[str]]:
        return _call(command, APT_CONFIG=str(self._conf))


def installed() -> str:
    """Return what is installed on this machine, in dpkg's format."""
    try:
        return _STATUS.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        # Without it apt would take everything along, the C library too, and say nothing.
        raise EngineError(f"cannot read what is installed: {_STATUS}: {error.strerror}") from error


def private_status(system: str, *, without: re.Pattern[str], placeholders: Iterable[str]) -> str:
    """Return a dpkg status in which the packages that match `without` are not installed.

    placeholders count as installed in a version newer than any. Dependencies are left out, so
    that nothing on the machine can stand in the way of packages that only get unpacked.
    """
    stanzas = []
    for stanza in system.split("\n\n"):
        lines = [line for line in stanza.splitlines() if line.partition(":")[0] in _FIELDS]
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        name = fields.get("Package", "")
        if fields.get("Status", "").endswith(" installed") and not without.fullmatch(name):
            stanzas.append("\n".join(lines))
    stanzas += [
        f"Package: {name}\nStatus: install ok installed\nVersion: 99:0\nArchitecture: all"
        for name in placeholders
    ]
    return "".join(f"{stanza}\nMaintainer: none\nDescription: none\n\n" for stanza in stanzas)


def _lines(settings: Mapping[str, str]) -> list[str]:
    return [f'{name} "{value}";' for name, value in settings.items()]


def _machine_settings() -> list[str]:
    _code, out, _said = _call(["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n'])
    return [
        line
        for line in out.splitlines()
        if line.startswith(_KEPT) and not line.startswith(_DROPPED) and _SETTING.match(line)
    ]


def _call(command: Sequence[str], **variables: str) -> tuple[int, str, list[str]]:
    """Run a program of apt; return its status, its output, and its complaints."""
    try:
        run = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=900,
            check=False,
        )
    except FileNotFoundError as error:
        raise EngineError(f"no {command[0]} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise AptError(f"{command[0]} did not end within 15 minutes", []) from error
    said = [line for line in run.stderr.splitlines() if line.startswith(("E: ", "W: "))]
    return run.returncode, run.stdout, said


def _intact(archive: Path, package: Package) -> bool:
    if not archive.is_file() or archive.stat().st_size != package.size:
        return False
    return hashlib.sha256(archive.read_bytes()).hexdigest() == package.sha256
