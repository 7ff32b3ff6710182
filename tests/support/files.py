"""A server of files on the loopback interface that can fail in the ways that servers do."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class FileServer:
    """What it serves, and how; files are by path, without the leading slash.

    statuses: for a path, what is answered to the first requests instead of the file.
    redirects: where a path leads to. cut: paths whose answers end after half of the file.
    asked: the paths of all requests, in order.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)


@contextmanager
def serve_files() -> Iterator[FileServer]:
    """Yield a running server of no files."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A proxy is asked with the whole URL.
            asked = self.path.partition("?")[0]
            path = asked.partition("://")[2].partition("/")[2] or asked.removeprefix("/")
            server.asked.append(path)
            server.agents.add(self.headers["User-Agent"])
            if server.statuses.get(path):
                self.send_error(server.statuses[path].pop(0))
            elif path in server.redirects:
                self.send_response(302)
                self.send_header("Location", server.redirects[path])
                self.end_headers()
            elif path not in server.files:
                self.send_error(404)
            else:
                body = server.files[path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if path in server.cut else body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        server = FileServer(f"http://127.0.0.1:{httpd.server_address[1]}")
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()
