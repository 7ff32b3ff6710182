"""Downloads from a server that behaves as servers do."""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from support.files import FileServer, serve_files

from waf_builder import __version__
from waf_builder.download import DownloadError, Patience, download, text_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = b"an archive" * 1000
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
MD5 = f"md5:{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"
QUICK = Patience(pause=0.01, stall=2)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve_files() as running:
        running.files["a.tgz"] = BODY
        yield running


@pytest.fixture
def said() -> list[str]:
    return []


def dead_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("digest", [None, SHA256, MD5])
def test_a_file_arrives_with_its_sha256(
    server: FileServer, tmp_path: Path, digest: str | None
) -> None:
    target = tmp_path / "deep" / "a.tgz"
    assert download(f"{server.url}/a.tgz", target, digest) == SHA256
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert server.agents == {f"waf-builder/{__version__}"}


def test_another_content_is_refused_and_what_was_there_stays(
    server: FileServer, tmp_path: Path
) -> None:
    target = tmp_path / "a.tgz"
    target.write_text("the old one")
    server.files["a.tgz"] = b"forged"
    with pytest.raises(DownloadError) as caught:
        download(f"{server.url}/a.tgz", target, SHA256, patience=QUICK)
    forged = hashlib.sha256(b"forged").hexdigest()
    assert str(caught.value) == (
        f"{server.url}/a.tgz is not what was expected: its digest is sha256:{forged},"
        f" expected {SHA256}\n"
        "    It was changed at its source or on the way here, so it is not used."
    )
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]
    assert server.asked == ["a.tgz"]  # the same answer is not asked for again


@pytest.mark.parametrize("digest", ["md5:00", "sha1:" + "0" * 40, "0" * 64, "sha256:"])
def test_a_digest_of_an_unknown_form_is_never_met(
    server: FileServer, tmp_path: Path, digest: str
) -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        download(f"{server.url}/a.tgz", tmp_path / "a", digest)
    assert server.asked == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_of_the_server_is_waited_for(
    server: FileServer, tmp_path: Path, said: list[str], status: int
) -> None:
    server.statuses["a.tgz"] = [status, status]
    url = f"{server.url}/a.tgz"
    assert download(url, tmp_path / "a", progress=said.append, patience=QUICK) == SHA256
    assert len(said) == 2
    assert said[0].startswith(f"trying again: {url} cannot be had: the server answers {status} ")


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_answer_is_an_answer(server: FileServer, tmp_path: Path, status: int) -> None:
    server.statuses["a.tgz"] = [status]
    with pytest.raises(DownloadError, match=f"the server answers {status}") as caught:
        download(f"{server.url}/a.tgz", tmp_path / "a", patience=QUICK)
    assert not caught.value.unreachable
    assert server.asked == ["a.tgz"]


def test_a_connection_that_breaks_is_no_end(server: FileServer, tmp_path: Path) -> None:
    server.cut.add("a.tgz")
    with pytest.raises(DownloadError) as caught:
        download(f"{server.url}/a.tgz", tmp_path / "a", patience=QUICK)
    assert str(caught.value) == (f"{server.url}/a.tgz did not arrive whole: 5,000 of 10,000 bytes")
    assert caught.value.unreachable
    assert server.asked == ["a.tgz"] * 3
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_down(tmp_path: Path, said: list[str]) -> None:
    url = f"{dead_url()}/a.tgz"
    with pytest.raises(DownloadError) as caught:
        download(url, tmp_path / "a", progress=said.append, patience=QUICK)
    assert str(caught.value) == (
        f"{url} cannot be reached: Connection refused\n"
        "    Check the network; behind a proxy, set $https_proxy."
    )
    assert said == [f"trying again: {url} cannot be reached: Connection refused"] * 2


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.tgz"
        with pytest.raises(DownloadError, match=f"^{re.escape(url)} cannot be reached: timed out"):
            download(url, tmp_path / "a", patience=Patience(attempts=1, stall=0.2))


def test_a_server_that_trickles(tmp_path: Path) -> None:
    """A byte now and then keeps every socket's time limit from passing."""
    over = threading.Event()

    class Trickle(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            while not over.wait(0.02):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_address[1]}/a.tgz"
        try:
            with pytest.raises(DownloadError, match=r"did not arrive within 0\.3 seconds"):
                download(url, tmp_path / "a", patience=Patience(attempts=1, stall=5, total=0.3))
        finally:
            over.set()
            httpd.shutdown()
            thread.join()


def test_more_than_expected_is_not_read_to_its_end(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"is larger than 9,999 bytes"):
        download(f"{server.url}/a.tgz", tmp_path / "a", max_bytes=9_999)
    assert download(f"{server.url}/a.tgz", tmp_path / "a", max_bytes=10_000) == SHA256


def test_redirects_are_followed(server: FileServer, tmp_path: Path) -> None:
    server.redirects["latest"] = "/a.tgz"
    assert download(f"{server.url}/latest", tmp_path / "a") == SHA256


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a", "//"])
def test_a_redirect_leads_nowhere_else(server: FileServer, tmp_path: Path, place: str) -> None:
    server.redirects["latest"] = place
    with pytest.raises(DownloadError):
        download(f"{server.url}/latest", tmp_path / "a", patience=QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "/etc/passwd", "http://", "x"])
def test_only_the_web_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError) as caught:
        download(url, tmp_path / "a")
    assert str(caught.value) == f"{url!r} is not a URL that starts with https:// or http://"


def test_the_environment_names_a_proxy(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    assert download("http://no-such-host.invalid/a.tgz", tmp_path / "a") == SHA256


@pytest.mark.parametrize("proxy", ["http://user:geheim", "http://[user:geheim", "user:geheim"])
def test_a_proxy_without_a_host_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(DownloadError) as caught:
        download("http://no-such-host.invalid/a.tgz", tmp_path / "a", patience=QUICK)
    assert str(caught.value).startswith(
        "http://no-such-host.invalid/a.tgz cannot be reached: the address of the server, or of the"
        " proxy, is not valid\n"
    )
    assert "geheim" not in str(caught.value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    file = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, "-keyout", file, "-out", tmp_path / "cert.pem"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    file.write_text(file.read_text() + (tmp_path / "cert.pem").read_text())
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """The URL of a TLS server that redirects everything out of TLS."""

    class Redirect(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/a.tgz")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{httpd.server_address[1]}/a.tgz"
        httpd.shutdown()
        thread.join()


def test_a_certificate_that_nobody_signed(secure: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        download(secure, tmp_path / "a", patience=QUICK)
    assert str(caught.value) == (
        f"{secure} cannot be had: its certificate is not trusted: self-signed certificate\n"
        "    This machine's list of authorities is the package ca-certificates;"
        " $SSL_CERT_FILE names another."
    )
    assert not caught.value.unreachable


def test_a_redirect_never_leaves_tls(
    secure: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    with pytest.raises(DownloadError) as caught:
        download(secure, tmp_path / "a", patience=QUICK)
    assert str(caught.value) == (
        f"{secure} is redirected to http://127.0.0.1:9/a.tgz, which is not encrypted"
    )


def test_a_folder_that_cannot_be_written(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=f"^cannot write to {re.escape(str(tmp_path))}/file/"):
        download(f"{server.url}/a.tgz", tmp_path / "file" / "deep" / "a")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:s3cret@a.example/x", "https://[...]@a.example/x has a user's name, and none"),
        ("https://s3cret@a.example/x", "https://[...]@a.example/x has a user's name, and none"),
        ("postgres://me:s3cret@db/x", "'postgres://[...]@db/x' is not a URL that starts with"),
        ("https://me:s3/cr@et@a.example/x", "'https://[...]@a.example/x' is not a URL"),
    ],
)
def test_a_login_is_neither_sent_nor_shown(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(DownloadError) as caught:
        download(url, tmp_path / "a")
    assert str(caught.value).startswith(told)
    assert "s3" not in str(caught.value)


def test_a_short_text(server: FileServer) -> None:
    server.files["sum"] = b"abc\n"
    assert text_at(f"{server.url}/sum") == "abc\n"
    with pytest.raises(DownloadError, match="is larger than 4,096 bytes"):
        text_at(f"{server.url}/a.tgz")
