"""A small tree written by hand, in the form that `render` publishes and start-waf boots."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.engine.link import link
from waf_builder.paths import start_waf
from waf_builder.run.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waf_builder.engine import Engine

SUMMARY = "block at paranoia level 1, 1 route"

_NGINX = """\
load_module engine/ngx_http_modsecurity_module.so;
include runtime/workers.conf;
daemon off;
pid runtime/nginx.pid;
error_log stderr warn;
worker_shutdown_timeout 25s;

events {
    worker_connections 256;
}

http {
    map $status $verdict {
        403 block;
        default pass;
    }
    log_format waf escape=json '{"@timestamp":"$time_iso8601",'
        '"event":{"action":"$verdict","duration":1000000},'
        '"http":{"request":{"id":"$request_id","method":"$request_method"},'
        '"response":{"status_code":$status}},"url":{"domain":"$host","path":"$request_uri"}}';
    access_log /dev/stderr waf;

    client_body_temp_path runtime/temp/client_body;
    proxy_temp_path runtime/temp/proxy;
    fastcgi_temp_path runtime/temp/fastcgi;
    uwsgi_temp_path runtime/temp/uwsgi;
    scgi_temp_path runtime/temp/scgi;

    modsecurity on;
    modsecurity_transaction_id $request_id;
    modsecurity_rules_file modsecurity/main.conf;

    include runtime/resolver.conf;
    server {
        include runtime/listen.conf;
        location / {
            proxy_pass @BACKEND@;
            proxy_read_timeout 20s;
        }
    }
}
"""

_RULES = """\
SecRuleEngine On
SecAuditEngine RelevantOnly
SecAuditLogParts AHZ
SecAuditLogFormat JSON
SecAuditLogType Serial
SecAuditLog /dev/stdout
SecRule ARGS "@contains attack" \\
    "id:10001,phase:2,deny,status:403,log,auditlog,severity:CRITICAL,msg:'An attack'"
SecRule ARGS "@contains odd" \\
    "id:10002,phase:2,pass,log,auditlog,severity:NOTICE,msg:'Something odd'"
"""

_BOOT = {
    "listen": "listen @ADDRESS@:@PORT@;\n",
    "resolver": "resolver @RESOLVERS@ ipv6=off;\n",
    "workers": "worker_processes @WORKERS@;\n",
}


def write_tree(tree: Path, *, backend: str = "http://127.0.0.1:9") -> Path:
    """Write a tree whose one route goes to `backend`, with two rules, and without an engine."""
    for folder in ("boot", "modsecurity"):
        (tree / folder).mkdir(parents=True)
    (tree / "nginx.conf").write_text(_NGINX.replace("@BACKEND@", backend), encoding="utf-8")
    (tree / "modsecurity/main.conf").write_text(_RULES, encoding="utf-8")
    for name, text in _BOOT.items():
        (tree / f"boot/{name}.conf").write_text(text, encoding="utf-8")
    stamp = {"made_by": "waf-builder", "summary": SUMMARY, "files": ["nginx.conf"]}
    (tree / "waf-builder.json").write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
    return tree


def bootable_tree(tree: Path, engine: Engine, *, backend: str = "http://127.0.0.1:9") -> Path:
    """Write a tree that this engine can run."""
    write_tree(tree, backend=backend)
    link(engine, tree)
    return tree


def with_stub(tree: Path) -> Path:
    """Give the tree an engine that ends at once, for what start-waf does before it starts one."""
    engine = tree / "engine"
    engine.mkdir()
    (engine / "nginx").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (engine / "nginx").chmod(0o755)
    return tree


def add_fields(tree: Path, name: str, text: str, fields: Iterable[str]) -> None:
    """Add boot/NAME.conf and the lines of boot/fields that fill it."""
    (tree / f"boot/{name}.conf").write_text(text, encoding="utf-8")
    (tree / "boot/fields").write_text("".join(f"{field}\n" for field in fields), encoding="utf-8")


def boot(
    tree: Path | str, *, cwd: Path | None = None, **variables: str | None
) -> subprocess.CompletedProcess[str]:
    """Run start-waf to its end, with these variables over ones that are good; None unsets."""
    return subprocess.run(
        [start_waf(), tree],
        env=boot_environment(**variables),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def boot_environment(**variables: str | None) -> dict[str, str]:
    """Return an environment to boot in: a port, a name server, and what is given."""
    given = {"PATH": os.environ["PATH"], "PORT": "8080", "WAF_RESOLVERS": "127.0.0.1", **variables}
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class Running:
    """A start-waf whose nginx listens; `said` is what stood on stderr by then."""

    process: subprocess.Popen[str]
    port: int
    said: list[str]

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def refuses(self) -> bool:
        """Wait until new connections are refused; False when they never are."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(self.address, timeout=1).close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass  # the WAF took its hand away between the two steps of a greeting
            time.sleep(0.01)
        return False

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return the exit status and the rest of stderr."""
        _, stderr = self.process.communicate(timeout=20)
        return self.process.returncode, stderr


@contextlib.contextmanager
def running(
    tree: Path | str, *, cwd: Path | None = None, **variables: str | None
) -> Iterator[Running]:
    """Boot a tree on a free port of 127.0.0.1, and end it in any case."""
    port = free_port()
    given = {"PORT": str(port), "WAF_ADDRESS": "127.0.0.1", **variables}
    process = subprocess.Popen(
        [start_waf(), tree],
        env=boot_environment(**given),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watch = threading.Timer(60, process.kill)
    watch.start()
    try:
        yield Running(process, port, _read_until_listening(process))
    finally:
        watch.cancel()
        left = descendants(process.pid) | at_work(Path(cwd or ".", tree).resolve())
        process.kill()
        require_gone(left)
        process.communicate(timeout=10)


def _read_until_listening(process: subprocess.Popen[str]) -> list[str]:
    assert process.stderr
    said = []
    # Not by iteration, which would read ahead of communicate().
    while line := process.stderr.readline():
        said.append(line)
        if line.startswith("waf: listening on "):
            return said
    raise AssertionError(f"start-waf ended with {process.wait(10)}: {''.join(said)}")


def descendants(pid: int) -> set[int]:
    """Return the processes below this one."""
    parents = {one: parent for one, parent, _ in _processes()}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def parent_of(pid: int) -> int:
    """Return the process that this one is a child of."""
    return {one: parent for one, parent, _ in _processes()}[pid]


def nginx_of(tree: Path) -> tuple[int, set[int]]:
    """Return the nginx of a tree that listens, and its workers once all of them are there."""
    master = int((tree / "runtime/nginx.pid").read_text(encoding="utf-8"))
    count = int(
        (tree / "runtime/workers.conf").read_text(encoding="utf-8").strip("; \n").split()[-1]
    )
    deadline = time.monotonic() + 10
    while len(workers := descendants(master)) < count:
        assert time.monotonic() < deadline, f"{count} workers of {master}"
        time.sleep(0.01)
    return master, workers


def at_work(tree: Path) -> set[int]:
    """Return the processes that work in this tree, whoever their parent has become."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink() == tree:
                found.add(int(entry.parent.name))
    return found


def gone(pids: Iterable[int], timeout: float = 10) -> bool:
    """Wait until none of these runs any more; False when one still does."""
    wanted, deadline = set(pids), time.monotonic() + timeout
    while wanted & {pid for pid, _, state in _processes() if state != "Z"}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def require_gone(pids: Iterable[int]) -> None:
    """Wait until none of these runs any more; what still does is ended, and an error."""
    wanted = set(pids)
    if not gone(wanted):
        for pid in wanted:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"of {wanted} some were left")


def _processes() -> Iterator[tuple[int, int, str]]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            yield int(entry.parent.name), int(parent), state
