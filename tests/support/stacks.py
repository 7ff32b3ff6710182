"""Bare systems in a folder, as a platform's stack is bare: Python and certificates, no more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support import engines
from waf_builder.engine.packages import Apt, private_status
from waf_builder.errors import EngineError

PACKAGES = "python3,ca-certificates"

_DEBOOTSTRAP = "debootstrap"
# A mirror that stands still serves the tests as well.
_APT_SETTINGS = 'Acquire::Check-Valid-Until "false";\n'
_ENTER = """\
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec /usr/sbin/chroot "$0" "$@"
"""


def wanted() -> tuple[str, ...]:
    """Return the suites to test: `$WAF_BUILDER_STACKS`, else none.

    A suite takes about a minute the first time, and 300 MB.
    """
    return tuple(os.environ.get("WAF_BUILDER_STACKS", "").replace(",", " ").split())


@dataclass(frozen=True)
class Stack:
    """One system; `root` is its folder here."""

    root: Path

    def enter(self) -> list[str]:
        """Return a command that runs another one inside; mounts of its own go with it."""
        return ["unshare", "--mount", "sh", "-c", _ENTER, str(self.root)]

    def run(
        self, *command: str, user: int, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as a user without a name, both streams in one."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        return subprocess.run(
            [*self.enter(), *become, *command],
            env={"PATH": "/usr/bin:/bin", **_SHUT, **_index(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


_SHUT = dict.fromkeys(("VENDOR_URL", "WAF_BUILDER_CRS_URL"), "http://127.0.0.1:9")
"""Only the package registries are asked: nothing listens here."""


def _index() -> dict[str, str]:
    """Return where this machine takes Python packages from, if it has been told."""
    names = ("PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in names if name in os.environ}


def stack(suite: str) -> Stack:
    """Return a system of this suite, made once and kept; EngineError when it cannot be made."""
    of = engines.folder() / "stacks"
    root = of / suite
    if not root.is_dir():
        of.mkdir(parents=True, exist_ok=True)
        new = of / f".{suite}.new"
        shutil.rmtree(new, ignore_errors=True)
        _make(suite, new, of)
        new.rename(root)
    # How the network is reached from this machine, which may be through certificates of its own.
    for name in ("resolv.conf", "hosts", "ssl/certs/ca-certificates.crt"):
        shutil.copyfile(Path("/etc") / name, root / "etc" / name)
    return Stack(root)


def _make(suite: str, root: Path, of: Path) -> None:
    tool = _debootstrap(of)
    # Variants of a release that this debootstrap does not know yet are all made the same way.
    scripts = tool / "usr/share/debootstrap/scripts"
    script = suite if (scripts / suite).exists() else "sid"
    run = subprocess.run(
        [
            *("sh", tool / "usr/sbin/debootstrap", "--variant=minbase", f"--include={PACKAGES}"),
            *(f"--keyring={engines._KEYRING}", suite, root, engines._archive(), scripts / script),
        ],
        env={**os.environ, "DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if run.returncode != 0:
        said = "\n".join([*run.stdout.splitlines(), *run.stderr.splitlines()][-5:])
        raise EngineError(f"no {suite} by debootstrap: {said}")
    (root / "etc/apt/apt.conf.d/99tests").write_text(_APT_SETTINGS)
    shutil.rmtree(root / "var/cache/apt/archives")


def _debootstrap(of: Path) -> Path:
    """Return the root of an unpacked debootstrap, which is a shell script."""
    unpacked = of / "debootstrap"
    if not unpacked.is_dir():
        installed = Path("/var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
        status = private_status(installed, without=re.compile(_DEBOOTSTRAP), placeholders=())
        apt = Apt(of / "apt", status)
        apt.update()
        packages = apt.resolve([_DEBOOTSTRAP])
        for archive in apt.download(packages):
            if archive.name.startswith(f"{_DEBOOTSTRAP}_"):
                command = ["dpkg-deb", "-x", archive, unpacked]
                subprocess.run(command, timeout=60, check=True)
        shutil.rmtree(of / "apt")
    return unpacked
