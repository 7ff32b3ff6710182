"""A real nginx that loads a few rules: whether it takes them, and what they do to requests."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waf_builder.engine.model import Engine

_CONFIG = """\
load_module {module};
daemon off;
pid nginx.pid;
error_log stderr notice;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    modsecurity on;
    modsecurity_rules_file rules.conf;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{port}/answer/; }}
        location /answer/ {{ modsecurity off; return 200; }}
    }}
}}
"""
_LUA = "function main()\n  return nil\nend\n"
_PATIENCE = 30


@dataclass(frozen=True)
class Request:
    """A request, written `GET /path?query` or `POST /path a=body`, with ` Header: value` lines."""

    method: str
    target: str
    body: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Request:
        first, *headers = text.strip().split(" | ")
        method, target, *body = first.split(" ", 2)
        pairs = tuple(tuple(header.split(": ", 1)) for header in headers)
        if body:
            pairs = (("Content-Type", "application/x-www-form-urlencoded"), *pairs)
        return cls(method, target, "".join(body), pairs)


class RulesEngine:
    """One engine and a folder to try rules in."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        (folder / "temp").mkdir()
        (folder / "check.lua").write_text(_LUA)
        (folder / "hashes").write_text('3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C,"x"\n')
        (folder / "unicode.mapping").symlink_to(engine.unicode_map)

    def refusal(self, rules: str) -> str:
        """Return what nginx -t says when it does not take the rules, or an empty string."""
        self._write(rules, 1)
        run = subprocess.run(  # noqa: PLW1510 - the status is what is asked for
            self._command("-t"),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
        )
        if run.returncode == 0:
            return ""
        return re.sub(r"\s+", " ", run.stderr) or f"ended by signal {-run.returncode}"

    def statuses(self, rules: str, requests: Sequence[Request]) -> list[int | str]:
        """Return the status that each request gets under the rules, or `dropped`."""
        with self._running(f"SecRuleEngine On\nSecRequestBodyAccess On\n{rules}") as port:
            return [_status(port, request) for request in requests]

    def _write(self, rules: str, port: int) -> None:
        config = _CONFIG.format(module=self.engine.module, port=port)
        (self.folder / "nginx.conf").write_text(config)
        text = rules.replace("{folder}", str(self.folder))
        (self.folder / "rules.conf").write_bytes(text.encode("utf-8", "surrogateescape"))

    def _command(self, *options: str) -> list[str]:
        own = ["-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "stderr"]
        return [*self.engine.command(), *own, *options]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.engine.environment()}

    @contextlib.contextmanager
    def _running(self, rules: str) -> Iterator[int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._write(rules, port)
        with subprocess.Popen(
            self._command(),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as nginx:
            assert nginx.stderr
            said = []
            try:
                for line in nginx.stderr:
                    said.append(line)
                    if "start worker process " in line:
                        break
                else:
                    raise AssertionError("nginx did not start:\n" + "".join(said))
                yield port
            finally:
                nginx.terminate()
                nginx.communicate(timeout=_PATIENCE)


def _status(port: int, request: Request) -> int | str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request(
            request.method, request.target, request.body or None, dict(request.headers)
        )
        return connection.getresponse().status
    except http.client.RemoteDisconnected:
        return "dropped"
    finally:
        connection.close()
