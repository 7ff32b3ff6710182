"""Proof by requests: what each route does to an ordinary request and to an attack.

`nginx -t` passes a rule that never fires, and an engine whose workers crash at the first request
(https://github.com/owasp-modsecurity/ModSecurity/issues/3571). So the engine is started on a
loopback port, with the very rules and routes, and asked.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

from waf_builder.config.model import Config, Location
from waf_builder.engine.model import Engine
from waf_builder.problem import Problem
from waf_builder.render.render import Tree
from waf_builder.run.local import local_waf
from waf_builder.run.process import WafProcess, free_port

if TYPE_CHECKING:
    from typing_extensions import Self

ATTACK = "%3Cscript%3Ealert(1)%3C/script%3E/../../etc/passwd%3B1%27%20or%20%271%27%3D%271"
"""What every version of the rule set refuses at its lowest level, for several reasons (rules
941100, 930100 and 942100): an exclusion of one kind does not let it through."""

_MARK = "waf_proof"
_TIMEOUT = 10
_REFUSED = 403
_PASSED = 200


@dataclass(frozen=True)
class Probe:
    """One route as a client meets it."""

    host: str
    location: Location

    @property
    def method(self) -> str:
        """A method that the route takes."""
        return self.location.methods.split("|")[0] or "GET"


class ProofBackend:
    """Stands in for every backend, and answers 200; entered, `port` is where.

    handler: another way to answer.
    """

    def __init__(self, handler: type[Answer] | None = None) -> None:
        self._handler = handler or Answer

    def __enter__(self) -> Self:
        """Start it on a free port."""
        self._server = _Server(("127.0.0.1", 0), self._handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with 5, a busy machine leaves connections waiting for a second


class Answer(BaseHTTPRequestHandler):
    """Answers every request with 200 and a word."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: nginx would wait 40 ms for the second

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, text = self.answer()
        body = b"" if self.command == "HEAD" else text
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self) -> tuple[int, bytes]:
        """Return the status and the text of the answer."""
        return _PASSED, b"yes\n"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Say nothing."""


def prove_routes(config: Config, tree: Tree, engine: Engine) -> list[Problem]:
    """Return what any route of a configuration does that its policy does not say.

    config and tree are those of the spec with every backend replaced by a ProofBackend. Each
    route gets an ordinary request and an attack: block refuses the attack, detect passes and
    records it, off passes it, and every mode passes the ordinary one.
    """
    said: list[str] = []
    with local_waf(tree, engine) as folder:
        waf = WafProcess(
            folder,
            port=free_port(),
            resolvers=["127.0.0.1"],
            on_line=said.append,
            brake=False,  # what is proven is the spec, not what holds in an emergency
        )
        with waf:
            problems = [
                problem
                for number, probe in enumerate(probes(config))
                for problem in _ask(waf.port, probe, number)
            ]
        detecting = [
            (number, probe)
            for number, probe in enumerate(probes(config))
            if probe.location.mode == "detect"
        ]
    recorded = _recorded(said)
    problems += [
        Problem(
            "proof.no-record",
            f"the route {probe.location.label} detected nothing in an attack",
            hint="In detect mode the audit log names the rules that would have refused it.",
        )
        for number, probe in detecting
        if f"{_MARK}={number}x" not in recorded
    ]
    return problems


def probes(config: Config) -> Iterator[Probe]:
    """Yield every location of every server, with a host name that leads there."""
    for server in config.servers:
        host = server.names[0].replace("*", _MARK.replace("_", "-")) if server.names else ""
        for location in server.locations:
            yield Probe(host or "waf-proof.invalid", location)


def _ask(port: int, probe: Probe, number: int) -> Iterator[Problem]:
    label = probe.location.label
    status = _request(port, probe, "")
    if status != _PASSED:
        yield Problem(
            "proof.benign-refused",
            f"the route {label} answered {status} to an ordinary request, expected {_PASSED}",
            hint=f"{probe.method} http://{probe.host}{probe.location.path}",
        )
    expected = _REFUSED if probe.location.mode == "block" else _PASSED
    status = _request(port, probe, f"?{_MARK}={number}x{ATTACK}")
    if status != expected:
        yield Problem(
            "proof.attack",
            f"the route {label} answered {status} to an attack, expected {expected}"
            f" in mode {probe.location.mode}",
            hint=f"{probe.method} http://{probe.host}{probe.location.path}?{_MARK}={ATTACK}",
        )


def _request(port: int, probe: Probe, query: str) -> int | str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    headers = {
        "Host": probe.host,
        "User-Agent": "Mozilla/5.0 (waf-builder)",
        "Accept": "text/html,*/*;q=0.8",
    }
    try:
        path = quote(probe.location.path, safe="/~!&()*,:=@+")
        connection.request(probe.method, path + query, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"nothing ({error})"
    finally:
        connection.close()


def _recorded(said: list[str]) -> str:
    """Return the request lines of every audit record among the lines of the log."""
    uris = []
    for line in said:
        if not line.startswith('{"transaction"'):
            continue
        try:
            uris.append(str(json.loads(line)["transaction"]["request"]["uri"]))
        except (ValueError, KeyError, TypeError):
            continue
    return "\n".join(uris)
