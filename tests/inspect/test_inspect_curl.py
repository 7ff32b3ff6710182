"""Command lines as browsers copy them, and as people type them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.inspect.curl import from_curl
from waf_builder.inspect.request import HttpRequest, RequestError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_url_alone():
    assert from_curl("curl https://shop.example.com/a?b=c#d") == HttpRequest(
        "GET",
        "/a?b=c",
        (("Host", "shop.example.com"), ("User-Agent", "curl/8.14.1"), ("Accept", "*/*")),
        name="GET",
    )


def test_as_chrome_copies_it():
    request = from_curl(
        "curl 'https://shop.example.com/comments' \\\n"
        "  -H 'accept: application/json' \\\n"
        "  -H 'content-type: application/x-www-form-urlencoded' \\\n"
        "  -b 'session=abc; consent=yes' \\\n"
        "  -H 'user-agent: Mozilla/5.0' \\\n"
        "  --data-raw $'text=l\\'\\u00e9t\\u00e9&x=%21' \\\n"
        "  --compressed"
    )
    assert request.method == "POST"
    assert request.body == "text=l'été&x=%21".encode()
    assert dict(request.headers) == {
        "Host": "shop.example.com",
        "Content-Length": "18",
        "Accept-Encoding": "deflate, gzip, br",
        "Cookie": "session=abc; consent=yes",
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "Mozilla/5.0",
    }


def test_as_firefox_copies_a_multipart_form():
    request = from_curl(
        "curl 'https://x.test/up' -X POST -H 'Content-Type: multipart/form-data; boundary=b'"
        ' --data-binary $\'--b\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n'
        "v\\r\\n--b--\\r\\n'"
    )
    assert request.body == (
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b--\r\n'
    )


@for_each(
    ("line", "method", "target", "body"),
    [
        ("curl -X DELETE http://a/b", "DELETE", "/b", b""),
        ("curl -XPUT -d a=b http://a/", "PUT", "/", b"a=b"),
        ("curl -d a=1 -d b=2 http://a/", "POST", "/", b"a=1&b=2"),
        ("curl -G -d a=1 --data-urlencode 'b=c d' http://a/p", "GET", "/p?a=1&b=c+d", b""),
        ("curl -G -d a=1 'http://a/p?q=1'", "GET", "/p?q=1&a=1", b""),
        ("curl --json '{\"a\": 1}' http://a/", "POST", "/", b'{"a": 1}'),
        ("curl -I http://a/", "HEAD", "/", b""),
        ("curl -sSL --max-time 3 http://a/b%20c", "GET", "/b%20c", b""),
        ("curl a.test", "GET", "/", b""),
        ("curl http://a/caf\u00e9", "GET", "/caf%C3%A9", b""),
        ("curl 'http://a/..%2fetc/<x>'", "GET", "/..%2fetc/<x>", b""),
    ],
)
def test_options(line: str, method: str, target: str, body: bytes):
    request = from_curl(line)
    assert (request.method, request.target, request.body) == (method, target, body)


def test_headers_of_the_line_replace_curls_own():
    request = from_curl("curl -A me -H 'accept: text/html' -H 'X-Empty;' http://a/")
    assert request.headers == (
        ("Host", "a"),
        ("User-Agent", "me"),
        ("accept", "text/html"),
        ("X-Empty", ""),
    )


def test_a_user():
    header = from_curl("curl -u 'me:s3cret' http://a/").header("authorization")
    assert base64.b64decode(header.removeprefix("Basic ")) == b"me:s3cret"


def test_files(tmp_path: Path):
    (tmp_path / "body.txt").write_bytes(b"a\nb\n")
    assert from_curl("curl -d @body.txt http://a/", tmp_path).body == b"ab"
    assert from_curl("curl --data-binary @body.txt http://a/", tmp_path).body == b"a\nb\n"
    form = from_curl("curl -F 'f=@body.txt;type=text/plain' -F 'n=v' http://a/", tmp_path)
    assert b'name="f"; filename="body.txt"\r\nContent-Type: text/plain\r\n\r\na\nb\n' in form.body
    assert b'name="n"\r\n\r\nv\r\n' in form.body
    assert form.header("content-length") == str(len(form.body))


@for_each(
    ("line", "message"),
    [
        ("curl", "the curl command has no URL, expected one"),
        ("curl http://a http://b", "the curl command has 2 URLs, expected one"),
        ("curl --proxy-header x http://a", "the curl option --proxy-header is not known here"),
        ("curl -Z http://a", "the curl option -Z is not known here"),
        ("curl http://a -H", "the curl command ends with -H, which needs a value"),
        ("curl http://a -H nothing", "the curl header 'nothing' has no name"),
        ("curl http://a -F nothing", "the curl form field 'nothing' has no value"),
        ("curl 'http://a", "the curl command cannot be read: no closing quotation"),
        ("curl http://a -d @missing", "missing of the curl command cannot be read: No such file"),
        ("curl ftp://a", "'ftp://a' is not an http or https URL"),
        ("curl http://a:b/", "'http://a:b/' is not a URL"),
        ('curl ^"http://a^"', "this curl command is quoted for Windows' cmd"),
    ],
)
def test_what_is_no_request_says_why(line: str, message: str):
    with pytest.raises(RequestError) as raised:
        from_curl(line)
    assert str(raised.value).startswith(message)


@given(st.text(max_size=60))
def test_no_line_ends_in_a_traceback(text: str):
    try:
        request = from_curl(f"curl {text}")
    except RequestError:
        return
    assert request.wire().endswith(request.body)
