"""Every example, served: ordinary requests pass, attacks do not, and its point is made."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support import websocket
from support.answers import websocket_echo
from support.backends import Backend, containers
from support.client import Connection, exchange, request
from support.tree import free_port
from support.waf import mark

from waf_builder.config.domains import private_domain
from waf_builder.spec.load import loads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.client import Response
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ATTACK = "q=1%20UNION%20SELECT%20password%20FROM%20users"
PORT = re.compile(r"(?<=port: )\d+")
ASKED_FIRST = {"several-backends": [("www.example.com", "/"), ("api.example.com", "/v1/")]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def crew() -> Iterator[list[Backend]]:
    """The containers behind the examples."""
    with containers(2) as backends:
        yield backends


@pytest.fixture
def backends(crew: list[Backend]) -> list[Backend]:
    for backend in crew:
        backend.forget()
    return crew


@contextlib.contextmanager
def served(
    name: str, engine: Engine, trees: Path, dns: NameServer, port: int, **environment: str
) -> Iterator[Waf]:
    """Run an example as it stands, but for the port of its backends."""
    folder = trees / f"{mark()}-{name}"
    shutil.copytree(EXAMPLES / name, folder)
    spec = PORT.sub(str(port), (folder / "backend.yaml").read_text(encoding="utf-8"))
    tree = folder / "build"
    wafs.render(spec, tree, engine)
    with wafs.running(tree, resolver=dns.address, environment=environment) as waf:
        for host, path in ASKED_FIRST.get(name, [("waf.test", "/")]):
            settle(waf, host, path)
        yield waf


def settle(waf: Waf, host: str, path: str) -> None:
    """Wait until the backend's name is found, which takes nginx a moment after its start."""
    for _ in range(50):
        if waf.ask(path, host=host).status != 502:
            return
        time.sleep(0.1)
    raise AssertionError(f"{host}{path} is 502")


def names(example: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Return the private name of each backend of an example."""
    text = (EXAMPLES / example / "backend.yaml").read_text(encoding="utf-8")
    spec, problems = loads(text, example, environment or {})
    assert spec, problems
    network = (environment or {}).get("SCALINGO_PRIVATE_NETWORK_ID", "")
    return {
        name: private_domain(
            str(backend.app_id), network or str(backend.network_id), str(backend.process)
        )
        for name, backend in spec.all_backends().items()
    }


def variables(file: str) -> dict[str, str]:
    """Return what a `.env` file of the environments example sets."""
    text = (EXAMPLES / "environments" / file).read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines())


def assert_protects(waf: Waf, backend: Backend, path: str = "/", **request: str) -> None:
    """An ordinary request reaches the backend; the same one with an attack in it does not."""
    backend.forget()
    marker = mark()
    assert waf.ask(f"{path}?{marker}=hello", **request).status == 200
    assert waf.ask(f"{path}?{marker}=1&{ATTACK}", **request).status == 403
    assert len(backend.received(f"{path}?{marker}")) == 1
    assert 942100 in waf.rules(f"{marker}=1")


def test_minimal(engine: Engine, trees: Path, dns: NameServer, backends: list[Backend]):
    backend = backends[0]
    dns.set(names("minimal")["backend"], backend.name)
    with served("minimal", engine, trees, dns, backend.port) as waf:
        assert_protects(waf, backend)
        assert waf.ask("/__waf/health").text == "ok\n"


@pytest.fixture(scope="module")
def several(engine: Engine, trees: Path, dns: NameServer, crew: list[Backend]) -> Iterator[Waf]:
    variable = {"SCALINGO_PRIVATE_NETWORK_ID": "pn-63831472-f8ad-4122-b823-d97c62f38e1c"}
    for name, backend in zip(names("several-backends", variable).values(), crew, strict=True):
        dns.set(name, backend.name)
    with served("several-backends", engine, trees, dns, crew[0].port, **variable) as waf:
        yield waf


class TestSeveralBackends:
    WWW, API = "www.example.com", "api.example.com"

    @pytest.fixture
    def waf(self, several: Waf) -> Waf:
        return several

    def test_each_host_has_its_backend(self, waf: Waf, backends: list[Backend]):
        site, api = backends
        assert_protects(waf, site, "/", host=self.WWW)
        assert_protects(waf, api, "/v1/things", host=self.API)

    @pytest.mark.parametrize(("host", "path"), [(API, "/"), ("other.example.com", "/v1/")])
    def test_any_other_request_is_nobodys(
        self, waf: Waf, backends: list[Backend], host: str, path: str
    ):
        assert waf.ask(path, host=host).status == 404
        assert not backends[0].received()
        assert not backends[1].received()

    def test_uploads_may_be_larger_and_are_only_sent(self, waf: Waf):
        body = b"x" * (11 * 1024**2)
        headers = {"Content-Type": "application/octet-stream"}

        def post(path: str) -> int:
            answer = waf.ask(path, method="POST", host=self.WWW, headers=headers, body=body)
            return answer.status

        assert post("/elsewhere") == 413
        assert post("/uploads/a") == 200
        answer = waf.ask("/uploads/a", host=self.WWW)
        assert (answer.status, answer.header("Allow")) == (405, "POST, PUT")

    def test_live_is_a_websocket(self, waf: Waf, backends: list[Backend]):
        backends[0].on("/live", websocket_echo)
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": websocket.new_key(),
            "Sec-WebSocket-Version": "13",
        }
        with Connection(waf.address) as connection:
            connection.send(request("/live", host=self.WWW, headers=headers))
            assert connection.read_head().status == 101
            frame = websocket.Frame(websocket.TEXT, b"1 UNION SELECT password FROM users")
            connection.send(websocket.encode(frame, masked=True))
            assert websocket.decode(connection.stream.exactly) == frame

    def test_the_api_is_stricter_and_its_search_only_watched(self, waf: Waf):
        # Rule 921151 (a line break in an argument) stands at paranoia level 2.
        assert waf.ask("/x?text=one%0Atwo", host=self.WWW).status == 200
        assert waf.ask("/v1/x?text=one%0Atwo", host=self.API).status == 403
        marker = mark()
        assert waf.ask(f"/v1/search?m={marker}&{ATTACK}", host=self.API).status == 200
        assert 942100 in waf.rules(marker)


class TestEnvironments:
    @pytest.mark.parametrize(
        ("file", "process"), [("staging.env", "preview"), ("production.env", "app")]
    )
    def test_each_has_its_backend(  # noqa: PLR0913, PLR0917
        self,
        engine: Engine,
        trees: Path,
        dns: NameServer,
        backends: list[Backend],
        file: str,
        process: str,
    ):
        variable = variables(file)
        app, network = variable["BACKEND_APP_ID"], variable["SCALINGO_PRIVATE_NETWORK_ID"]
        dns.set(private_domain(app, network, process), backends[0].name)
        with served("environments", engine, trees, dns, backends[0].port, **variable) as waf:
            assert_protects(waf, backends[0])

    def test_a_missing_variable_is_the_line_that_the_page_shows(
        self, engine: Engine, trees: Path, dns: NameServer
    ):
        page = (EXAMPLES / "environments/README.md").read_text(encoding="utf-8")
        shown = re.search(r"^waf: error: .*$", page, re.MULTILINE)
        assert shown
        with (
            pytest.raises(AssertionError) as caught,
            served("environments", engine, trees, dns, 3000),
        ):
            pass
        assert shown[0] in str(caught.value)


class TestLocalDevelopment:
    @pytest.fixture
    def app(self) -> Iterator[Backend]:
        app = Backend("127.0.0.1", 0)
        app.start()
        yield app
        app.stop()

    def test_the_spec(self, engine: Engine, trees: Path, dns: NameServer, app: Backend):
        with served("local-development", engine, trees, dns, app.port) as waf:
            assert_protects(waf, app)

    def test_the_real_spec_with_another_backend(self, engine: Engine, app: Backend):
        port = free_port()
        command = [sys.executable, "-m", "waf_builder", "run", "--port", str(port)]
        command += ["--engine", str(engine.root), "--backend", f"http://127.0.0.1:{app.port}"]
        process = subprocess.Popen(
            [*command, str(EXAMPLES / "several-backends/backend.yaml")],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        log = wafs.Log(process.stdout)  # type: ignore[arg-type]
        try:
            assert log.wait_for(lambda line: line.startswith("Ctrl-C"), timeout=60), log.lines
            waf = ("127.0.0.1", port)
            for host, path in (("www.example.com", "/a"), ("api.example.com", "/v1/b")):
                assert exchange(waf, request(path, host=host)).status == 200
                assert exchange(waf, request(f"{path}?{ATTACK}", host=host)).status == 403
                assert len(app.received(path)) == 1
            assert exchange(waf, request("/", host="other.example.com")).status == 404
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=40) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            log.join()


@pytest.fixture(scope="module")
def custom(engine: Engine, trees: Path, dns: NameServer, crew: list[Backend]) -> Iterator[Waf]:
    dns.set(names("custom-rules")["backend"], crew[0].name)
    with served("custom-rules", engine, trees, dns, crew[0].port) as waf:
        yield waf


class TestCustomRules:
    TEXT = b"content=Write+1+UNION+SELECT+password+FROM+users+and+be+careful"

    @pytest.fixture
    def waf(self, custom: Waf) -> Waf:
        return custom

    def post(self, waf: Waf, path: str, body: bytes) -> int:
        return waf.ask(path, method="POST", headers=FORM, body=body).status

    def test_the_rest_is_protected(self, waf: Waf, backends: list[Backend]):
        assert_protects(waf, backends[0])

    def test_a_post_may_be_about_sql(self, waf: Waf, backends: list[Backend]):
        assert self.post(waf, "/posts", self.TEXT) == 200
        assert self.post(waf, "/posts/7", self.TEXT) == 200
        assert len(backends[0].received("/posts")) == 2

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/login", TEXT),
            ("/postscript", TEXT),
            ("/posts/../login", TEXT),
            ("/posts/%2e%2e/login", TEXT),
            ("/posts", TEXT.replace(b"content", b"title")),
            ("/posts", b"content=<script>alert(1)</script>"),
        ],
    )
    def test_and_nothing_else_may(self, waf: Waf, backends: list[Backend], path: str, body: bytes):
        assert self.post(waf, path, body) == 403
        assert not backends[0].received()

    @pytest.mark.parametrize("path", ["/wp-login.php", "/blog/WP-Login.php", "/x/../xmlrpc.php"])
    def test_a_scanner_is_refused_by_the_own_rule(
        self, waf: Waf, backends: list[Backend], path: str
    ):
        marker = mark()
        assert waf.ask(f"{path}?{marker}").status == 403
        assert waf.rules(marker) == {10020}
        assert not backends[0].received()

    def test_error_pages_say_whom_to_write_to(self, waf: Waf):
        body, headers = b"x" * (11 * 1024**2), {**FORM, "Accept": "text/html"}
        answer = waf.ask("/", method="POST", headers=headers, body=body)
        assert answer.status == 413
        assert "help@example.com" in answer.text
        assert answer.header("X-Request-ID") in answer.text

    @pytest.mark.parametrize("engine", ["new"], indirect=True)
    def test_a_refusal_has_the_page_too_on_newer_engines(self, waf: Waf):
        answer = waf.ask(f"/?{ATTACK}", headers={"Accept": "text/html"})
        assert answer.status == 403
        assert "help@example.com" in answer.text


class TestBehindACdn:
    """The tests come from the CDN's place: loopback stands in for the router."""

    @pytest.fixture
    def waf(
        self, engine: Engine, trees: Path, dns: NameServer, backends: list[Backend]
    ) -> Iterator[Waf]:
        dns.set(names("behind-a-cdn")["backend"], backends[0].name)
        folder = trees / f"{mark()}-behind-a-cdn"
        shutil.copytree(EXAMPLES / "behind-a-cdn", folder)
        text = PORT.sub(str(backends[0].port), (folder / "backend.yaml").read_text())
        trusted = text.replace("client_ip:\n", "client_ip:\n  trusted: [127.0.0.0/8]\n")
        wafs.render(trusted, folder / "build", engine)
        environment = {"ADMIN_PASSWORD": "letmein"}
        with wafs.running(folder / "build", resolver=dns.address, environment=environment) as waf:
            yield waf

    def ask(self, waf: Waf, path: str, client: str, **headers: str) -> Response:
        sent = {
            "X-Real-IP": "203.0.113.9",
            "X-Forwarded-Proto": "https",
            "CF-Connecting-IP": client,
            **headers,
        }
        return waf.ask(path, host="www.example.com", headers=sent)

    def test_does_what_its_page_says(self, waf: Waf, backends: list[Backend]):
        for _ in range(50):
            if self.ask(waf, "/", "198.51.100.1").status != 502:
                break
            time.sleep(0.1)
        marker = mark()
        assert self.ask(waf, f"/{marker}", "198.51.100.1").status == 200
        assert backends[0].only(f"/{marker}").header("X-Real-IP") == "198.51.100.1"
        past = {"X-Real-IP": "198.51.100.1"}
        assert self.ask(waf, "/", "198.51.100.1", **past).status == 403
        plain = self.ask(waf, "/a", "198.51.100.1", **{"X-Forwarded-Proto": "http"})
        assert plain.header("Location") == "https://www.example.com/a"
        logins = [self.ask(waf, "/login", "198.51.100.2").status for _ in range(7)]
        assert logins == [200] * 6 + [429]
        assert self.ask(waf, "/admin/", "198.51.100.1").status == 403
        assert self.ask(waf, "/admin/", "192.0.2.1").status == 401
        known = {"Authorization": "Basic YWRtaW46bGV0bWVpbg=="}
        assert self.ask(waf, "/admin/", "192.0.2.1", **known).status == 200
