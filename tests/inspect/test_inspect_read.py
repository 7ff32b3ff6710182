"""Every other form that a request is given in."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.inspect.nesting import Shallow
from waf_builder.inspect.raw import from_raw
from waf_builder.inspect.read import read
from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, from_url
from waf_builder.replay.read import traffic
from waf_builder.replay.seen import Skipped

if TYPE_CHECKING:
    from pathlib import Path


def one(given_: str) -> HttpRequest:
    (request,) = read(given_)
    return request


def har(*entries: object) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": e} for e in entries]}})


def entry(url: str = "https://a.test/b", **more: object) -> dict[str, object]:
    return {"method": "GET", "url": url, "headers": [], **more}


LINE = json.dumps(
    {
        "http": {"request": {"id": "1", "method": "GET"}, "response": {"status_code": 403}},
        "url": {"domain": "a.test", "path": "/b"},
    }
)
"""A line of the access log, as far as it matters here."""


STAMPED = f'{{"@timestamp":"2026-11-26T17:44:22.046+00:00",{LINE[1:]}'


class TestUrl:
    @for_each(
        ("url", "target", "host"),
        [
            ("https://a.test/b?c=d", "/b?c=d", "a.test"),
            ("https://a.test:8443", "/", "a.test:8443"),
            ("http://a.test:80/", "/", "a.test"),
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

    @for_each(
        ("given_", "way_out"),
        [
            ("nonsense", "http://nonsense"),
            ("missing.har", "http://missing.har"),
            ("shop.test/b?c", "http://shop.test/b?c"),
            ("login?next=http://a.test/", "http://HOST/"),
            ("requests/missing.har", "http://requests/missing.har"),
            ("POST /login.php", "http://HOST/"),
            ("", "http://HOST/"),
            (".", "http://HOST/"),
            ("a\0b" * 3000, "http://HOST/"),
        ],
    )
    def test_what_may_be_the_name_of_a_file_is_none(self, given_: str, way_out: str):
        with pytest.raises(RequestError) as raised:
            one(given_)
        said = str(raised.value)
        assert said.startswith(f"{given_!r} is neither a file nor a request\n")
        assert f"A URL has its scheme, as {way_out}, and a path begins with /." in said

    @for_each(
        ("given_", "language"),
        [
            ('Invoke-WebRequest -UseBasicParsing -Uri "http://a/"', "PowerShell"),
            ("$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession", "PowerShell"),
            ('fetch("http://a/", {"method": "GET"});', "JavaScript"),
            ('await fetch("http://a/");', "JavaScript"),
        ],
    )
    def test_what_browsers_copy_too_is_named(self, given_: str, language: str):
        with pytest.raises(
            RequestError, match=f"a command of {language} is not read here\\n.*bash"
        ):
            one(given_)

    @for_each("command", ["curl.exe http://a/x", "/usr/bin/curl http://a/x", "curl\thttp://a/x"])
    def test_curl_has_several_names(self, command: str):
        assert one(command).target == "/x"

    @for_each(
        "url", ["http://a b/", "http://POST /x", "http://a<b>/", "http://a..b/", "http://\x00/"]
    )
    def test_a_host_is_one(self, url: str):
        with pytest.raises(RequestError, match=r"has no host name|is not a URL"):
            one(url)

    def test_a_file_that_hides_a_path_says_how_to_ask_for_it(self, tmp_path: Path):
        (tmp_path / "login").write_text("root:x:0:0")
        with pytest.raises(RequestError) as raised:
            one(str(tmp_path / "login"))
        assert str(raised.value).endswith(
            f"\n    To ask for the path, write http://localhost{tmp_path}/login."
        )

    def test_a_folder_of_the_machine_is_a_path_of_the_wafs(self, tmp_path: Path):
        assert one("/").target == "/"
        assert one(str(tmp_path)).target == str(tmp_path)


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


CURL = b"curl 'http://a.test/x?q=<script>'"


class TestFiles:
    def test_a_pipe(self, tmp_path: Path):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(CURL,))
        writer.start()
        assert one(str(tmp_path / "pipe")).target == "/x?q=<script>"
        writer.join(10)

    @pytest.mark.parametrize(
        "data",
        [CURL, gzip.compress(CURL), b"\xef\xbb\xbf" + CURL],
        ids=["plain", "packed", "byte order mark"],
    )
    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch, data: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert one("-").target == "/x?q=<script>"

    def test_a_pipe_that_gives_one_byte_at_a_time(self):
        reading, writing = os.pipe()

        def write() -> None:
            for byte in har(entry()).encode():
                os.write(writing, bytes([byte]))
            os.close(writing)

        writer = threading.Thread(target=write)
        writer.start()
        assert one(f"/dev/fd/{reading}").target == "/b"
        writer.join(10)
        os.close(reading)

    @pytest.mark.parametrize(
        ("data", "targets"),
        [
            (b"GET /raw HTTP/1.1\r\nHost: a\r\n\r\n", ["/raw"]),
            (CURL, ["/x?q=<script>"]),
            (har(entry()).encode(), ["/b"]),
            (LINE.encode(), ["/b"]),
        ],
        ids=["raw", "curl", "har", "log"],
    )
    @pytest.mark.parametrize("packed", [False, True])
    def test_a_byte_order_mark_is_no_part_of_it(
        self, tmp_path: Path, data: bytes, targets: list[str], packed: bool
    ):
        marked = b"\xef\xbb\xbf" + data
        (tmp_path / "x").write_bytes(gzip.compress(marked) if packed else marked)
        assert [request.target for request in read(str(tmp_path / "x"))] == targets

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
    def test_utf_16_is_named(self, tmp_path: Path, encoding: str):
        (tmp_path / "x").write_bytes(
            "\ufeff".encode(encoding)[-2:] + CURL.decode().encode(encoding)
        )
        with pytest.raises(
            RequestError, match=r"x is UTF-16, as PowerShell writes with `>`\n.*UTF-8"
        ):
            one(str(tmp_path / "x"))

    @pytest.mark.parametrize("data", [b'fetch("http://a/")', b"\xef\xbb\xbf$s = 1", b"Invoke-X a"])
    def test_other_languages_are_named(self, tmp_path: Path, data: bytes):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(RequestError, match=r"is not read here\n"):
            one(str(tmp_path / "x"))

    def test_one_without_an_end(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("waf_builder.inspect.read.MAX_BYTES", 10_000)
        with pytest.raises(RequestError, match="/dev/zero has more than 10,000 bytes"):
            one("/dev/zero")

    def test_those_of_a_test_stand_beside_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "here.http").write_bytes(b"GET /raw HTTP/1.1\r\nHost: a\r\n\r\n")
        (tmp_path / "below").mkdir()
        (tmp_path / "body").write_text("a=b")
        ((below,), (curl,), (path,)) = (
            list(read(given_, tmp_path / "below"))
            for given_ in ("../here.http", "curl http://a/ -d @../body", str(tmp_path / "body"))
        )
        assert (below.target, curl.body, path.target) == ("/raw", b"a=b", f"{tmp_path}/body")
        for given_ in ("here.http", "-", "below"):
            with pytest.raises(RequestError, match=f"Files are looked for in {tmp_path}/below"):
                list(read(given_, tmp_path / "below"))


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
            (
                har(entry(url=3)),
                "entry 1 is not a request, expected `request` with `method`, `url`",
            ),
            (
                har(entry(postData={"encoding": "base64", "text": "a"})),
                "has a body that is no base",
            ),
            (har({"url": "https://a/"}), "entry 1 is not a request"),
            (har(entry(url="shop")), "entry 1: 'shop' is no URL"),
            (har(entry(url="http://a b/")), "entry 1: 'http://a b/' has no host name"),
            (har(entry(url="blob:x")), "has entries, but none with an http or https URL"),
            (har(*[entry()] * 2000)[:-4], "is not JSON after entry "),
        ],
    )
    def test_says_which_entry_is_none(self, tmp_path: Path, text: str, message: str):
        file = tmp_path / "x.har"
        file.write_text(text)
        with pytest.raises(RequestError) as raised:
            list(read(str(file)))
        assert message in str(raised.value)

    @pytest.mark.parametrize("url", ["wss://a.test/live", "data:image/png;base64,AA", "blob:x"])
    def test_what_is_no_http_is_passed_over(self, tmp_path: Path, url: str):
        file = tmp_path / "x.har"
        file.write_text(har(entry("http://a.test/1"), entry(url), entry("http://a.test/2")))
        assert [request.target for request in read(str(file))] == ["/1", "/2"]

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    def test_one_that_is_nested_deep_takes_little_memory(self, tmp_path: Path, opening: str):
        file = tmp_path / "x.har"
        file.write_text(har(entry())[:-2] + "," + opening * 20_000)
        found = read(str(file))
        tracemalloc.start()
        try:
            with pytest.raises(RequestError) as raised:
                list(found)
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()
        assert str(raised.value).startswith(f"{file} is nested more than 100 levels deep")

    @pytest.mark.parametrize("levels", [95, 96])
    def test_how_deep_it_may_be(self, tmp_path: Path, levels: int):
        file = tmp_path / "x.har"
        file.write_text(har(entry(more=json.loads("[" * levels + "]" * levels))))
        if levels == 95:
            assert one(str(file)).target == "/b"
        else:
            with pytest.raises(RequestError, match="nested more than 100"):
                one(str(file))

    @given(
        st.lists(st.text(st.sampled_from('"\\[]{}ab'), max_size=8), max_size=6),
        st.integers(1, 9),
    )
    def test_brackets_in_text_are_no_levels(self, texts: list[str], size: int):
        data = json.dumps(["[" * 99 + '"\\', *texts, [[*texts, {"a": texts}]]]).encode()
        stream = Shallow(io.BytesIO(data), "x")
        assert b"".join(iter(lambda: stream.read(size), b"")) == data
        assert stream.depth == 0

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


class TestLog:
    def test_an_audit_record(self):
        request = {"method": "POST", "uri": "/a?q=%3Cx"}
        record = {"transaction": {"unique_id": "1", "request": request}}
        asked = one(json.dumps(record))
        assert (asked.method, asked.target) == ("POST", "/a?q=%3Cx")

    def test_an_access_line(self):
        request = one(LINE)
        assert (request.target, request.host) == ("/b", "a.test")

    def test_an_access_line_with_its_query(self):
        line = json.dumps(json.loads(LINE) | {"url": {"path": "/b", "query": "sort=1%20UNION"}})
        assert one(line).target == "/b?sort=1%20UNION"

    @pytest.mark.parametrize("given_", [f"2026-11-26 17:44:22 +0100 [web-1] {STAMPED}", STAMPED])
    def test_what_a_platform_writes_before_it_is_left_out(self, tmp_path: Path, given_: str):
        assert one(given_).target == "/b"
        (tmp_path / "log").write_text(f"2026-11-26 [web-1] start\n{given_}\n")
        assert one(str(tmp_path / "log")).name == f"{tmp_path}/log:2"

    def test_both_logs_tell_of_one_request(self, tmp_path: Path):
        asked = {"method": "POST", "uri": "/b?q=x"}
        (tmp_path / "log").write_text(
            f"{LINE}\n{json.dumps({'transaction': {'unique_id': '1', 'request': asked}})}\n"
        )
        request = one(str(tmp_path / "log"))
        assert (request.method, request.target, request.host) == ("POST", "/b?q=x", "a.test")

    def test_replay_reads_the_same(self, tmp_path: Path):
        (tmp_path / "log").write_text(
            "\n".join((f"[web-1] {STAMPED}", LINE, '{"@timestamp": torn', "nginx: hello", STAMPED))
        )
        seen = traffic([str(tmp_path / "log")], Skipped())
        assert [one_.request for one_ in seen] == list(read(str(tmp_path / "log")))

    def test_data_of_other_kinds_is_no_log(self, tmp_path: Path):
        data = '{"transaction": 1}'
        (tmp_path / "curl").write_text(f"curl http://a/ -d '{data}'")
        (tmp_path / "raw").write_text(f"POST /x HTTP/1.1\nHost: a\n\n{data}")
        for name in ("curl", "raw"):
            assert one(str(tmp_path / name)).body == data.encode()
        assert one(f"/x?q={data}").path == "/x"

    def test_a_record_that_is_none_is_named(self, tmp_path: Path):
        (tmp_path / "log").write_text('{"transaction": {"unique_id": "1", "request": 7}}\n')
        with pytest.raises(RequestError, match=r"log:1: not a record as the WAF writes it\Z"):
            one(str(tmp_path / "log"))

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
