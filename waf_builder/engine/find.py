"""Find the engine that the user named, or the best one that is there."""

from __future__ import annotations

import os
from pathlib import Path

from waf_builder.crs.installed import InstalledCrs, crs_in, find_crs
from waf_builder.engine import layout
from waf_builder.engine.model import Engine, Start
from waf_builder.engine.probe import probe
from waf_builder.errors import EngineError
from waf_builder.progress import Progress, silent
from waf_builder.version import Version, is_wanted_version

OLDEST_NGINX = Version(1, 19, 5)
"""The first nginx with `-e`, without which a start writes to a log file of the system
(https://nginx.org/en/docs/switches.html)."""

OWN_CRS = "own"
"""As `crs`: the engine's own rules or none, whatever the environment names."""

_SYSTEM = Path("/")
_WAYS_OUT = """\
    Any of these gives you one:
      --engine apt      Debian 12 or Ubuntu 24.04 and newer: gets one without root, in a few seconds
      --engine DIR      a folder with usr/sbin/nginx, its module and its libraries
      apt-get install nginx libnginx-mod-http-modsecurity modsecurity-crs"""


def find(where: str | None = None, crs: str | None = None, progress: Progress = silent) -> Engine:
    """Return the engine at `where`, with the Core Rule Set that `crs` names.

    where: `system`; `apt`, got by apt without root when it is not in the cache yet; `platform`,
    got from the archives that Scalingo publishes for the stack that `$STACK` names; a folder
    with usr/sbin/nginx and its libraries; None for `$WAF_BUILDER_ENGINE`, else the system's
    when it is complete, else one that apt got before.
    crs: a folder; a version (`4`, `3.3.4`) that the engine's own must have; OWN_CRS; None for
    `$WAF_BUILDER_CRS`, else the engine's own.
    progress: called with a line for people before each long step.
    EngineError says where was looked and what to do.
    """
    where = where or os.environ.get("WAF_BUILDER_ENGINE") or None
    crs = crs or os.environ.get("WAF_BUILDER_CRS") or None
    if crs == OWN_CRS:
        crs = None
    if where is None:
        return _best(crs)
    if where == "system":
        try:
            return _system(crs)
        except EngineError as error:
            raise EngineError(f"no engine in the system: {error}\n{_WAYS_OUT}") from error
    if where == "apt":
        return _by_apt(crs, progress)
    if where == "platform":
        return _by_platform(crs, progress)
    return _folder(Path(where), crs)


def _best(crs: str | None) -> Engine:
    from waf_builder.engine import store

    reasons = []
    try:
        engine = _system(crs)
    except EngineError as error:
        reasons.append(f"the system: {error}".replace("\n", "\n  "))
    else:
        if engine.crs is not None:
            return engine
        reasons.append("the system: nginx and ModSecurity are there, a Core Rule Set is not")
    root = store.current()
    if root is not None:
        return _engine(root, crs)
    reasons.append(f"engines got by apt before: none in {store.folder()}")
    looked = "\n".join(f"    - {reason}" for reason in reasons)
    raise EngineError(f"no engine on this machine: nginx with ModSecurity\n{looked}\n{_WAYS_OUT}")


def _by_apt(crs: str | None, progress: Progress) -> Engine:
    from waf_builder.engine import apt

    root = apt.get(progress)
    try:
        probe(root, _start(root))
    except EngineError as error:
        progress(f"the engine in {root} no longer starts, getting another: {error}")
        root = apt.get(progress, refresh=True)
    return _engine(root, crs)


def _by_platform(crs: str | None, progress: Progress) -> Engine:
    from waf_builder.engine import platform

    stack = os.environ.get("STACK")
    if not stack:
        raise EngineError(
            "no platform engine without a stack: $STACK is not set\n"
            "    It is the name of the system to get an engine for, such as scalingo-26."
        )
    return _engine(platform.get(stack, progress), crs)


def _system(crs: str | None) -> Engine:
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin"]
    for folder in folders:
        nginx = Path(folder) / "nginx"
        if folder and nginx.is_file() and os.access(nginx, os.X_OK):
            return _complete(_SYSTEM, Start(nginx.absolute()), crs)
    raise EngineError("no nginx in PATH, nor in /usr/sbin")


def _folder(root: Path, crs: str | None) -> Engine:
    root = root.expanduser().absolute()
    if not root.is_dir():
        raise EngineError(
            f"no engine in {root}: there is no such folder\n"
            "    Expected `system`, `apt`, `platform`, or a folder with usr/sbin/nginx."
        )
    return _system(crs) if root.resolve() == _SYSTEM else _engine(root, crs)


def _engine(root: Path, crs: str | None) -> Engine:
    nginx = root / layout.NGINX
    if not nginx.is_file():
        raise EngineError(
            f"no engine in {root}: it has no {layout.NGINX}\n"
            "    An engine folder looks like the root of a system: usr/sbin/nginx,"
            f" usr/lib/nginx/modules/{layout.MODULE}, and the libraries below usr/lib."
        )
    return _complete(root, _start(root), crs)


def _start(root: Path) -> Start:
    return Start(root / layout.NGINX, layout.loader(root), layout.library_path(root))


def _complete(root: Path, start: Start, crs: str | None) -> Engine:
    facts = probe(root, start)
    if facts.nginx < OLDEST_NGINX:
        raise EngineError(
            f"{start.nginx} is nginx {facts.nginx}; {OLDEST_NGINX} or newer is needed,"
            " which can log to stderr from its first line on"
        )
    unicode_map = layout.unicode_map(root)
    if unicode_map is None:
        looked = ", ".join(layout.UNICODE_MAPS)
        raise EngineError(
            f"no unicode.mapping below {root}: looked at {looked}\n"
            "    It comes with libmodsecurity; put a copy at the first of these."
        )
    return Engine(
        root=root,
        nginx=start.nginx,
        module=facts.module,
        loader=start.loader,
        library_path=start.library_path,
        unicode_map=unicode_map,
        crs=_rules(root, crs),
        nginx_version=facts.nginx,
        modsecurity_version=facts.modsecurity,
        connector_version=facts.connector,
    )


def _rules(root: Path, wanted: str | None) -> InstalledCrs | None:
    if wanted is not None and not is_wanted_version(wanted):
        return find_crs(Path(wanted).expanduser().absolute())
    own = crs_in(root)
    if wanted is not None and (own is None or not own.version.fits(wanted)):
        there = f"{own.version}, in {own.folder}" if own else "none"
        raise EngineError(
            f"Core Rule Set {wanted} is not there; the engine in {root} came with: {there}\n"
            "    Unpack a release from https://github.com/coreruleset/coreruleset/releases"
            " and name its folder: --crs DIR"
        )
    return own
