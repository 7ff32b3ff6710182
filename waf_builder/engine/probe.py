"""Which versions an nginx and its ModSecurity are: asked of the programs, then remembered."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.engine.layout import MODULE
from waf_builder.engine.model import Start
from waf_builder.errors import EngineError
from waf_builder.paths import cache_dir
from waf_builder.version import Version

if TYPE_CHECKING:
    import subprocess

_NGINX = re.compile(r"nginx version: \S*?/(\d+\.\d+\.\d+)")
_MODULES_PATH = re.compile(r"--modules-path=(\S+)")
_PREFIX = re.compile(r"--prefix=(\S+)")
_CONNECTOR = re.compile(r"ModSecurity-nginx v(\d+\.\d+\.\d+)")
_MODSECURITY = re.compile(rb"ModSecurity v(3\.\d+\.\d+)")


@dataclass(frozen=True)
class Facts:
    """What a probe finds out; module is where the connector is on this machine."""

    module: Path
    nginx: Version
    modsecurity: Version
    connector: Version | None


def probe(root: Path, start: Start) -> Facts:
    """Return the versions of the engine below root, having started it with its module loaded.

    The answer is remembered in the cache folder until nginx, the module or libmodsecurity
    changes, so that asking again takes well under a millisecond. EngineError says what does
    not start, and why.
    """
    if (known := _recall(start)) is not None:
        return known
    version, module = nginx_and_module(root, start)
    connector = _CONNECTOR.search(_load(start, module))
    library, modsecurity = _modsecurity(start, module)
    facts = Facts(
        module=module,
        nginx=version,
        modsecurity=modsecurity,
        connector=Version.parse(connector[1]) if connector else None,
    )
    _remember(start, facts, [start.nginx, module, library])
    return facts


def nginx_and_module(root: Path, start: Start) -> tuple[Version, Path]:
    """Return nginx's version and the file of its ModSecurity module, without loading that."""
    said = _run(start, ["-V"]).stderr
    version = _NGINX.search(said)
    if version is None:
        raise EngineError(f"{start.nginx} is not an nginx that starts here: {_first_line(said)}")
    module = _module(root, said)
    if not module.is_file():
        raise EngineError(
            f"{start.nginx} has no ModSecurity: {module} is not there\n"
            "    On Debian and Ubuntu the package is libnginx-mod-http-modsecurity."
        )
    return Version.parse(version[1]), module


def _module(root: Path, said: str) -> Path:
    """Return where nginx looks for modules: compiled in, and moved along with its root."""
    if modules := _MODULES_PATH.search(said):
        folder = Path(modules[1])
    else:
        prefix = _PREFIX.search(said)
        folder = Path(prefix[1] if prefix else "/usr/local/nginx") / "modules"
    return root / folder.relative_to("/") / MODULE if folder.is_absolute() else folder / MODULE


def _load(start: Start, module: Path) -> str:
    """Let nginx load the module, and return what it says at notice level."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="waf-builder-probe-"))
    try:
        conf = folder / "nginx.conf"
        # Only root can change users, and nginx stops when its built-in one does not exist.
        user = "user root root;\n" if os.geteuid() == 0 else ""
        temporary = "".join(
            f"{name}_temp_path {name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf.write_text(
            f"{user}load_module {quoted(module)};\nerror_log stderr notice;\npid nginx.pid;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary} }}\n",
            encoding="utf-8",
            errors="surrogateescape",
        )
        run = _run(start, ["-t", "-p", f"{folder}/", "-c", str(conf), "-e", "stderr"])
        if run.returncode != 0:
            raise EngineError(
                f"{start.nginx} does not start with {module.name}: {_first_problem(run.stderr)}\n"
                "    nginx, the module and libmodsecurity must come from the same release of the"
                " same distribution."
            )
        return run.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quoted(path: Path) -> str:
    """Return path as one argument of an nginx directive that takes no variables."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _modsecurity(start: Start, module: Path) -> tuple[Path, Version]:
    """Return the libmodsecurity that the module loads, and its version.

    The connector does print a version, but the one of the header it was compiled with
    (ngx_http_modsecurity_module.c, MODSECURITY_MAJOR), so the library itself is read.
    """
    from waf_builder.engine.libraries import libraries

    named = libraries(module, start)
    library = next(
        (path for name, path in named.items() if path and name.startswith("libmodsecurity.so")),
        module,  # linked statically
    )
    version = _MODSECURITY.search(library.read_bytes())
    if version is None:
        raise EngineError(f"{library} is not a libmodsecurity 3: it does not say `ModSecurity v3`")
    return library, Version.parse(version[1].decode())


def _run(start: Start, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    import subprocess

    try:
        return subprocess.run(
            [*start.command(), *arguments],
            env={**os.environ, **start.environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{start.nginx} does not start: {error}") from error


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "it says nothing")


def _first_problem(text: str) -> str:
    """Return nginx's first error without its date, its process and our temporary file."""
    found = re.search(
        r"\[(?:emerg|alert)\] (?:\d+#\d+: )?(.+?)(?: in \S+/nginx\.conf:\d+)?$", text, re.MULTILINE
    )
    return found[1] if found else _first_line(text)


def _memory(start: Start) -> Path:
    # A checksum names the file, and the entry itself says which engine it is about.
    name = zlib.crc32(" ".join(start.command()).encode("utf-8", "surrogateescape"))
    return cache_dir() / "probe" / f"{name:08x}.json"


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_mtime_ns, status.st_size]


def _recall(start: Start) -> Facts | None:
    try:
        entry = json.loads(_memory(start).read_text(encoding="utf-8"))
        if entry["command"] != start.command():
            return None
        if any(_stamp(Path(file)) != stamp for file, stamp in entry["files"].items()):
            return None
        return Facts(
            module=Path(entry["module"]),
            nginx=Version.parse(entry["nginx"]),
            modsecurity=Version.parse(entry["modsecurity"]),
            connector=Version.parse(entry["connector"]) if entry["connector"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # never written, half written, of another version: ask again


def _remember(start: Start, facts: Facts, files: Sequence[Path]) -> None:
    entry = {
        "command": start.command(),
        "files": {str(file): _stamp(file) for file in files},
        "module": str(facts.module),
        "nginx": str(facts.nginx),
        "modsecurity": str(facts.modsecurity),
        "connector": str(facts.connector) if facts.connector else "",
    }
    import tempfile

    file = _memory(start)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
        Path(name).replace(file)
    except OSError:
        return  # a read-only cache costs time, nothing else
