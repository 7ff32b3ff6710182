"""A backend to look at: one page, and an echo that shows what the WAF passed on."""

from __future__ import annotations

import json
import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

BODY_LIMIT = 1 << 20
"""How many bytes of a body the echo takes; the rest of a larger one is refused."""

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>waf-builder: demo backend</title>
<style>
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem;
       font: 1.05rem/1.6 system-ui, sans-serif; color: #222; background: #fdfdfb; }
code { background: #f0efe9; padding: .1em .3em; border-radius: 3px; }
a { color: #0b5394; }
</style>
<h1>The demo backend</h1>
<p>This page comes from a small Python program on your own machine. It stands in for your
app. Your browser did not speak to it: nginx with ModSecurity and the OWASP Core Rule Set did,
looked at the request, and passed it on.</p>
<p>Two links to try:</p>
<ul>
<li><a href="/echo?name=Ada">An ordinary request</a>: it passes, and the answer shows what
arrived here.</li>
<li><a href="/echo?id=1%27%20OR%20%271%27%3D%271">A request with SQL in it</a>: it is blocked, and
never arrives here.</li>
</ul>
<p>The terminal says what happened to each. <code>/echo</code> answers any method with what it
got, as JSON. Nothing is stored.</p>
</html>
"""


class DemoBackend:
    """The demo backend, running while entered; `url` is where."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((address, port), _Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def address(self) -> str:
        """The address it listens on."""
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        """The port it listens on, a free one unless one was named."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.address}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Connections that the WAF keeps open must not hold up the end.
    block_on_close = False

    def server_bind(self) -> None:
        # HTTPServer's own asks the DNS for the machine's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "demo", int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "waf-builder-demo"
    sys_version = ""
    timeout = 75
    # Head and body are two writes; the second would wait 40 ms for the first's acknowledgement.
    disable_nagle_algorithm = True

    def answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path = self.path.partition("?")[0]
        if path == "/echo":
            self._send(HTTPStatus.OK, "application/json", self._echo(body))
        elif path == "/" and self.command in {"GET", "HEAD"}:
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", _PAGE)
        else:
            text = "The demo backend has / and /echo, nothing else.\n"
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Say nothing: the WAF's log already tells what came."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "The demo backend needs a Content-Length.\n")
            return None
        if int(length) > BODY_LIMIT:
            text = f"The demo backend takes bodies of up to {BODY_LIMIT} bytes.\n"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
            return None
        return self.rfile.read(int(length))

    def _echo(self, body: bytes) -> str:
        got = {
            "from": "the demo backend of waf-builder",
            "method": self.command,
            "path": self.path,
            "headers": self.headers.items(),
            "body": body.decode("utf-8", errors="replace"),
            "body_bytes": len(body),
        }
        return json.dumps(got, indent=2) + "\n"

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", text)

    def _send(self, status: HTTPStatus, content_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
