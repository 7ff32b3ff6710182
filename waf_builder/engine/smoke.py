"""Send real requests through an engine, to see that it works and does not only load.

An update of nginx has once changed its module interface: the configuration test still passed,
and each request crashed a worker (https://github.com/owasp-modsecurity/ModSecurity/issues/3572).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from waf_builder.engine.model import Start
from waf_builder.engine.probe import quoted
from waf_builder.errors import EngineError

_CONF = """\
{user}load_module {module};
daemon off;
master_process off;
error_log stderr;
pid nginx.pid;
events {{ worker_connections 16; }}
http {{
  access_log off;
  client_body_temp_path a; proxy_temp_path b;
  fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  server {{ listen unix:backend; location / {{ return 200 "backend"; }} }}
  server {{
    listen unix:waf;
    modsecurity on;
    modsecurity_rules '
      SecRuleEngine On
      SecRule ARGS:q "@contains attack" "id:1,phase:2,deny,status:403"
    ';
    location / {{ proxy_pass http://unix:backend:; }}
  }}
}}
"""
_SECONDS = 20


def smoke_test(start: Start, module: Path) -> None:
    """Let nginx pass one request and block another; EngineError when it does neither.

    It listens on sockets in a folder of its own, so no port is needed.
    """
    folder = Path(tempfile.mkdtemp(prefix="waf-builder-smoke-"))
    try:
        user = "user root root;\n" if os.geteuid() == 0 else ""
        conf = _CONF.format(user=user, module=quoted(module))
        (folder / "nginx.conf").write_text(conf, encoding="utf-8", errors="surrogateescape")
        _exchange(folder, start)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exchange(folder: Path, start: Start) -> None:
    with (folder / "log").open("wb") as log:
        # The sockets' names are relative to the working directory, and so of any length.
        nginx = subprocess.Popen(
            [
                *start.command(),
                "-p",
                f"{folder}/",
                "-c",
                str(folder / "nginx.conf"),
                "-e",
                "stderr",
            ],
            cwd=folder,
            env={**os.environ, **start.environment()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        for query, expected in (("hello", "200"), ("attack", "403")):
            status = _status(folder, nginx, query)
            if status != expected:
                log_text = (folder / "log").read_text(errors="replace").strip()
                raise EngineError(
                    f"{start.nginx} starts but does not protect: a request that should get"
                    f" {expected} got {status}\n    nginx says: {log_text[-500:] or 'nothing'}"
                )
    finally:
        nginx.terminate()
        try:
            nginx.wait(timeout=5)
        except subprocess.TimeoutExpired:
            nginx.kill()
            nginx.wait()


def _status(folder: Path, nginx: subprocess.Popen[bytes], query: str) -> str:
    """Return the status of the answer, or `no answer`."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        end = time.monotonic() + _SECONDS
        while nginx.poll() is None and time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_SECONDS)
                try:
                    client.connect(f"/proc/self/fd/{directory}/waf")
                except OSError:
                    time.sleep(0.005)  # not listening yet
                    continue
                try:
                    client.sendall(f"GET /?q={query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                    head = client.makefile("rb").readline().split()
                except OSError:
                    break
                return head[1].decode() if len(head) > 1 else "no answer"
        return "no answer"
    finally:
        os.close(directory)
