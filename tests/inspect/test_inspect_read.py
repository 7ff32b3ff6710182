"""Every other form that a request is given in."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.inspect.raw import from_raw
from waf_builder.inspect.read import read
from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, from_url

if TYPE_CHECKING:
    from pathlib import Path


def one(given_: str) -> HttpRequest:
    (request,) = read(given_)
    return request


class TestUrl:
    @for_each(
        ("url", "target", "host"),
        [
            ("https://a.test/b?c=d", "/b?c=d", "a.test"),
            ("https://a.test:8443", "/", "a.test:8443"),
            ("http://a.test:80/", "/", "a.test"),
            ("a.test/b", "/b", "a.test"),
            ("/only/a/path?x=é", "/only/a/path?x=%C3%A9", "localhost"),
            ("https://a.test?x=1#f", "/?x=1", "a.test"),
            ("http://[::1]:3000/x", "/x", "[::1]:3000"),
            ("https://bücher.test/", "/", "xn--bcher-kva.test"),
            ("https://a.test/%2e%2e/x//y;z", "/%2e%2e/x//y;z", "a.test"),
        ],
    )
    def test_is_asked_as_a_browser_does(self, url: str, target: str, host: str):
        request = one(url)
        assert (request.method, request.target) == ("GET", target)
        assert request.headers == (("Host", host), *BROWSER)

    def test_a_word_is_neither_file_nor_url(self):
        with pytest.raises(RequestError, match="'nonsense' is neither a file nor a request"):
            one("nonsense")


class TestRaw:
    def test_keeps_every_byte(self):
        data = b"POST /a%2F?b HTTP/1.0\r\nHost: a\r\nX-Odd:  \xe9\xff \r\n\r\n\x00\xffbody"
        request = from_raw(data, "r.http")
        assert request.wire() == (
            b"POST /a%2F?b HTTP/1.0\r\nHost: a\r\nX-Odd: \xe9\xff\r\nContent-Length: 6\r\n"
            b"Connection: close\r\n\r\n\x00\xffbody"
        )

    def test_counts_an_edited_body_again(self):
        request = from_raw(b"POST / HTTP/1.1\nHost: a\nContent-Length: 99\n\na=b\n", "r.http")
        assert request.body == b"a=b"
        assert request.header("content-length") == "3"

    def test_leaves_chunks_alone(self):
        data = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
        request = from_raw(data, "r.http")
        assert request.body == b"3\r\na=b\r\n0\r\n\r\n"
        assert request.header("content-length") == ""

    def test_a_file_is_recognized(self, tmp_path: Path):
        file = tmp_path / "request.http"
        file.write_bytes(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert one(str(file)).target == "/x"

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "r.http:1: '' is no request line"),
            (b"GET /\r\n\r\n", "r.http:1: 'GET /' is no request line"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nbad\r\n\r\n", "r.http:3: 'bad' is no header"),
        ],
    )
    def test_says_in_which_line_it_is_none(self, data: bytes, message: str):
        with pytest.raises(RequestError) as raised:
            from_raw(data, "r.http")
        assert str(raised.value).startswith(message)

    @given(st.binary(max_size=200))
    def test_no_bytes_end_in_a_traceback(self, data: bytes):
        try:
            request = from_raw(data, "r.http")
        except RequestError:
            return
        assert request.wire()


def har(*entries: object) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": e} for e in entries]}})


def entry(url: str = "https://a.test/b", **more: object) -> dict[str, object]:
    return {"method": "GET", "url": url, "headers": [], **more}


class TestHar:
    def test_every_entry_in_order(self, tmp_path: Path):
        file = tmp_path / "x.har"
        headers = [
            {"name": ":authority", "value": "a.test"},
            {"name": "content-length", "value": "999"},
            {"name": "accept", "value": "*/*"},
        ]
        post = {"mimeType": "application/json", "text": '{"a": "é"}'}
        file.write_text(har(entry(), entry(method="POST", headers=headers, postData=post)))
        first, second = read(str(file))
        assert first == HttpRequest("GET", "/b", (("Host", "a.test"),), name="GET https://a.test/b")
        assert second.body == '{"a": "é"}'.encode()
        assert second.headers == (
            ("Host", "a.test"),
            ("accept", "*/*"),
            ("Content-Length", "11"),
        )

    def test_a_form_that_is_only_told_as_pairs(self, tmp_path: Path):
        file = tmp_path / "x.har"
        params = [{"name": "a b", "value": "c&d"}, {"name": "e", "value": ""}]
        kind = "application/x-www-form-urlencoded; charset=UTF-8"
        file.write_text(har(entry(method="POST", postData={"mimeType": kind, "params": params})))
        (request,) = read(str(file))
        assert request.body == b"a+b=c%26d&e="

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "is not JSON as far as its first entry"),
            ('{"log": {"entries": []}}', "has no log.entries"),
            ('{"other": 1}', "has no log.entries"),
            (har(entry(url=3)), "entry 1 is not a request"),
            (har({"url": "https://a/"}), "entry 1 is not a request"),
            (har(entry(url="blob:x")), "entry 1: 'http://blob:x' is not a URL"),
            (har(*[entry()] * 2000)[:-4], "is not JSON after entry "),
        ],
    )
    def test_says_which_entry_is_none(self, tmp_path: Path, text: str, message: str):
        file = tmp_path / "x.har"
        file.write_text(text)
        with pytest.raises(RequestError) as raised:
            list(read(str(file)))
        assert message in str(raised.value)

    def test_a_large_one_takes_little_memory(self, tmp_path: Path):
        file = tmp_path / "x.har"
        text = json.dumps({"request": entry(), "response": {"content": "x" * 100_000}})
        with file.open("w") as stream:
            stream.write('{"log": {"entries": [' + text)
            for _ in range(199):
                stream.write("," + text)
            stream.write("]}}")
        assert file.stat().st_size > 20_000_000
        tracemalloc.start()
        try:
            assert sum(1 for _ in read(str(file))) == 200
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()


LINE = json.dumps(
    {
        "http": {"request": {"id": "1", "method": "GET"}, "response": {"status_code": 403}},
        "url": {"domain": "a.test", "path": "/b"},
    }
)
"""A line of the access log, as far as it matters here."""


class TestLog:
    def test_an_audit_record(self):
        request = {"method": "POST", "uri": "/a?q=%3Cx"}
        record = {"transaction": {"unique_id": "1", "request": request}}
        asked = one(json.dumps(record))
        assert (asked.method, asked.target) == ("POST", "/a?q=%3Cx")

    def test_an_access_line(self):
        request = one(LINE)
        assert (request.target, request.host) == ("/b", "a.test")

    def test_a_file_with_other_lines_between(self, tmp_path: Path):
        file = tmp_path / "log"
        file.write_text(f"{LINE}\nnginx: hello\n{{}}\n{LINE}\n")
        assert [request.name for request in read(str(file))] == [f"{file}:1", f"{file}:4"]

    def test_one_without_any_says_so(self, tmp_path: Path):
        file = tmp_path / "log"
        file.write_text("{}\n")
        with pytest.raises(RequestError, match="has no line of the access log or the audit log"):
            list(read(str(file)))


def test_a_name_of_a_url_is_the_url():
    assert from_url("https://a.test/").name == "https://a.test/"
