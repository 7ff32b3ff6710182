"""Deploys as a platform does them: bin/compile on an app, then the app moved and started."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import engines
from support.registry import Network, Registry, network, write_debian, write_index
from support.tree import descendants, free_port, gone
from support.waf import Waf
from waf_builder.deploy.dependencies import REQUIREMENTS
from waf_builder.engine import store
from waf_builder.engine.packages import Apt, private_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CHECKOUT = Path(__file__).parents[2]
STACK = "stack-of-tests"
PYTHON = "/usr/bin/python3"

SPEC = """\
backend:
  host: 127.0.0.1
  port: ${BACKEND_PORT}
"""

_PIP = "python3-pip-whl"


def spec(host: str, *, workers: int) -> str:
    """Return a spec for a backend whose port is known when the app starts."""
    return SPEC.replace("127.0.0.1", host) + f"workers: {workers}\n"


@dataclass(frozen=True)
class Materials:
    """Real package files and wheels for one machine, kept between test runs."""

    archives: tuple[Path, ...]
    wheels: tuple[Path, ...]


@dataclass
class Build:
    """What one compile said, and how it ended."""

    status: int
    log: str

    @property
    def normal(self) -> str:
        """The log without what differs from run to run and from machine to machine."""
        return f"{normal(self.log)}[exit {self.status}]\n"


def materials() -> Materials:
    """Return what registries in tests serve; EngineError when it cannot be had."""
    engines.old(print)
    engine_archives = engines.folder() / "old/apt/archives"
    of = engines.folder() / "deploy"
    with locked(of):
        pip = next(iter(of.glob(f"{_PIP}*.deb")), None) or _pip_archive(of)
        wheels = _wheels(of)
    return Materials((*sorted(engine_archives.glob("*.deb")), pip), wheels)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one of the test processes at a time work in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pip_archive(of: Path) -> Path:
    lists = engines.folder() / "old/apt/state/lists"
    installed = Path("/var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
    status = private_status(installed, without=re.compile(r"python3-pip(-whl)?"), placeholders=())
    apt = Apt(of / "apt", status, {"Dir::State::lists": f"{lists}/"})
    (archive,) = apt.download(apt.resolve([_PIP]))
    kept = archive.rename(of / archive.name)
    shutil.rmtree(of / "apt")
    return kept


def _wheels(of: Path) -> tuple[Path, ...]:
    requirements = CHECKOUT / "buildpack" / REQUIREMENTS
    version = python_version()
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = of / f"wheels-{version}-{digest}"
    if not folder.is_dir():
        staging = of / "wheels.new"
        shutil.rmtree(staging, ignore_errors=True)
        command = [
            *(sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--python-version", version),
            *("--require-hashes", "--requirement", str(requirements), "--dest", str(staging)),
        ]
        subprocess.run(command, timeout=300, check=True)
        staging.rename(folder)
    return tuple(sorted(folder.glob("*.whl")))


def python_version() -> str:
    """Return the system Python's version, as `3.11`."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    command = [PYTHON, "-I", "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()


def serve(folder: Path, found: Materials, *, without: str = r"(?!)") -> Registry:
    """Return a registry of these materials but for packages whose file names match."""
    kept = [path for path in found.archives if not re.match(without, path.name)]
    write_debian(folder / "debian", kept)
    write_index(folder / "simple", found.wheels)
    return Registry(folder)


def nowhere(folder: Path, url: str = "http://127.0.0.1:9") -> Network:
    """Return settings for a registry that does not answer."""
    return network(folder, url, down=True)


def app(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Write an app's files, by default a spec alone."""
    folder.mkdir(parents=True)
    for name, text in ({"backend.yaml": SPEC} if files is None else files).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def command(
    build: Path, cache: Path, *, root: Path = CHECKOUT, env: Path | None = None
) -> list[str]:
    """Return the command that compiles an app."""
    return [str(root / "bin/compile"), str(build), str(cache), str(env or cache / "no-env")]


def environment(reach: Network, **variables: str) -> dict[str, str]:
    """Return what a build has around it: little, and where packages come from.

    The rules are the engine's own: newer ones would be got from the project, over the network.
    """
    own = {"PATH": os.environ["PATH"], "STACK": STACK, "WAF_BUILDER_CRS": _own_crs()}
    # Whatever a test forgets to name is not looked for outside.
    shut = dict.fromkeys(("VENDOR_URL", "WAF_BUILDER_CRS_URL"), "http://127.0.0.1:9")
    return {**own, **shut, **reach.variables(), **variables}


@functools.cache
def _own_crs() -> str:
    crs = engines.old(print).crs
    assert crs
    return str(crs.version)


def compile_app(
    build: Path,
    cache: Path,
    reach: Network,
    *,
    root: Path = CHECKOUT,
    env: Path | None = None,
    **variables: str,
) -> Build:
    """Compile an app, both streams in one log."""
    run = subprocess.run(
        command(build, cache, root=root, env=env),
        env=environment(reach, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return Build(run.returncode, run.stdout)


def normal(log: str) -> str:
    """Return a build log without seconds, sizes, and what this machine is."""
    # Whether this warning comes is a matter of the distribution's libmodsecurity.
    log = re.sub(r"\n !     Warning: libmodsecurity (?:.*\n)*? !.*\n\n", "", log)
    for pattern, text in (
        (r"\d+\.\d s\b", "0.0 s"),
        (r"\d+\.\d MB", "0.0 MB"),
        (r"\b[1-9]\d* of \d+ packages", "N of N packages"),
        (r"\b0 of \d+ packages", "0 of N packages"),
        (r"\b\d+ locked libraries", "N locked libraries"),
        (r"Python 3\.\d+\.\d+", "Python 3.X"),
        (
            r"nginx \d\S*, ModSecurity \d\S*, Core Rule Set \d[0-9.]*",
            "nginx N, ModSecurity N, CRS N",
        ),
        (r"jemalloc \d+\.\d+\.\d+", "jemalloc N"),
        (rf"\b{re.escape(store.codename())}\b", "CODENAME"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"/\S*/(cache|app)\b", r"/\1"),
        (r"\d+ files, checked", "N files, checked"),
    ):
        log = re.sub(pattern, text, log)
    return log


def tree_of(folder: Path) -> dict[str, tuple[str, str]]:
    """Return everything below folder: its mode, and its digest or where a link points."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = oct(path.lstat().st_mode)
        if path.is_symlink():
            content = f"-> {path.readlink()}"
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = ""
        found[str(path.relative_to(folder))] = (mode, content)
    return found


# The app's container, as the platform starts it: the profile, then the start command.
_CONTAINER = """
cd "$HOME" || exit
for script in .profile.d/*.sh; do . "$script"; done
exec $START
"""


@contextlib.contextmanager
def started(
    folder: Path,
    backend_port: int,
    *,
    start: str = ".waf/start",
    user: int | None = None,
    wrapper: Sequence[str] = (),
    **variables: str,
) -> Iterator[Waf]:
    """Start a deployed app on a free port, as a container does; it is ended afterwards.

    user: the number of a user, who need not have a name; their groups are none.
    wrapper: a command that runs the container's shell.
    """
    port = free_port()
    given = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "START": start,
        "PORT": str(port),
        "WAF_ADDRESS": "127.0.0.1",
        "WAF_RESOLVERS": "127.0.0.1",
        "BACKEND_PORT": str(backend_port),
        **variables,
    }
    room = tempfile.mkdtemp(prefix="waf-deploy-")
    if not wrapper:  # which may see another file system
        Path(room).chmod(0o1777)
        given["TMPDIR"] = room
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    outputs = [os.pipe(), os.pipe()]
    for _, writing in outputs:
        if user:
            os.fchown(writing, user, user)  # as whoever starts a container as that user does
    process = subprocess.Popen(
        [*wrapper, *become, "bash", "-c", _CONTAINER],
        env=given,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=outputs[0][1],
        stderr=outputs[1][1],
        start_new_session=True,
    )
    for _, writing in outputs:
        os.close(writing)
    process.stdout, process.stderr = (os.fdopen(reading, "r") for reading, _ in outputs)
    waf = Waf(folder / ".waf/tree", ("127.0.0.1", port), process)
    try:
        listening = waf.stderr.wait_for(lambda line: line.startswith("waf: listening"), 20)
        assert listening, "\n".join(waf.stderr.lines)
        yield waf
    finally:
        left = descendants(process.pid)
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)
        shutil.rmtree(room)
        assert gone(left), left
