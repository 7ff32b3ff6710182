"""Command lines as browsers copy them, and as people type them."""

from __future__ import annotations

import base64
import re
import shlex
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.inspect.curl import from_curl
from waf_builder.inspect.formpart import part
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
        ("curl http://a -H @names", "the curl header '@names' has no name"),
        ("curl http://a -d @-", "the curl command reads standard input"),
        ("curl http://a -d $'@a\\0b'", "a\0b of the curl command cannot be read: "),
        ("curl http://a -b cookies.txt", "curl reads the cookies of -b 'cookies.txt' from a file"),
        ("curl http://a -u me", "curl asks for the password of -u 'me'"),
        ("curl 'http://a/?f[x]=1'", "curl takes the brackets of 'http://a/?f[x]=1' for a list of"),
        ("curl 'http://a/{b,c}'", "curl takes the brackets of 'http://a/{b,c}' for a list of URLs"),
        ("curl http://a -I -d x", "the curl command has data and -I, of which curl takes one"),
        ("curl http://a -F a=b -d x", "the curl command has data and -F, of which curl takes one"),
        ("curl http://a -G -d 'a b'", "the data of curl -G has a blank, which no URL can have"),
        ("curl http://a -F 'f=@a,b'", "the curl form field 'f=@a,b' has a comma"),
        ('curl http://a -F \'f=@"a","b"\'', 'the curl form field \'f=@"a","b"\' has a comma'),
        ("curl http://a -F 'f=a; b'", "the curl form field 'f=a; b' has 'b' after a semicolon"),
        (
            "curl http://a -F 'f=x;headers=@y'",
            "the curl form field 'f=x;headers=@y' has 'headers=@y'",
        ),
        ("curl http://a -F '=(;type=multipart/x'", "the curl form field '=(;type=multipart/x' has"),
        ('curl ^"http://a^"', "this curl command is quoted for Windows' cmd\n    Copy it again"),
        ('curl.exe "http://a" ^\n -H "a: b"', "this curl command is quoted for Windows' cmd"),
        ('curl.exe "http://a" ^', "this curl command is quoted for Windows' cmd"),
        (
            'curl.exe "http://a" `\n -H "a: b"',
            "this curl command is written for PowerShell\n    Copy",
        ),
        ("curl 'http://a' ;\ncurl 'http://b'", "after the curl command comes ';', expected one"),
        ("curl 'http://a'\ncurl 'http://b'", "after the curl command comes 'curl', expected one"),
        ("curl http://a && rm x", "after the curl command comes '&', expected one command alone"),
        ("curl http://a | jq .", "after the curl command comes '|', expected one command alone"),
        ("curl http://a 2>/dev/null", "after the curl command comes '2>', expected one command"),
        (
            'curl http://a -H "A: $TOKEN"',
            "in the curl command, a shell puts a value for '$TOKEN'\n",
        ),
        ("curl http://a/${x}", "in the curl command, a shell puts a value for '${'"),
        ('curl http://a -d "$(date)"', "in the curl command, a shell puts a value for '$('"),
        ("curl http://a -d a`date`", "in the curl command, a shell puts a value for '`'"),
        ("curl 'http://a' \\", "the curl command ends with a backslash, so a line is missing"),
    ],
)
def test_what_is_no_request_says_why(line: str, message: str):
    with pytest.raises(RequestError) as raised:
        from_curl(line)
    assert str(raised.value).startswith(message)


@for_each(
    ("line", "body"),
    [
        ('curl http://a --data-raw \'{"p":"^"}\'', b'{"p":"^"}'),
        ("curl http://a --data-raw 'a^'", b"a^"),
        ("curl http://a --data-raw 'a;b | c > d & e`'", b"a;b | c > d & e`"),
        ("curl http://a --data-raw 'a\\\nb'", b"a\\\nb"),
        ('curl http://a --data-raw "a\\\nb"', b"ab"),
        ("curl http://a --data-raw $'a\\\\\\nb'", b"a\\\nb"),
        ("curl http://a \\\r\n --data-raw b", b"b"),
        ("curl.exe http://a -d b", b"b"),
        ("curl http://a -d 'a=$b`' -d $'c=$d' -d \\$e -d \"f=\\$g\\`$\"", b"a=$b`&c=$d&$e&f=$g`$"),
        ("/usr/bin/curl http://a\n  -d b\n", b"b"),
    ],
)
def test_what_stands_in_quotes_is_data(line: str, body: bytes):
    assert from_curl(line).body == body


SAME = [
    "http://a.test/ -d ''",
    "http://a.test/ --data-raw '' --request POST",
    "http://a.test/ -X POST",
    "http://a.test/p -G -d ''",
    "http://a.test/p?x -G -d a --data-urlencode 'b=c d&'",
    "http://a.test/ -I -G -d a=b",
    "http://a.test/ -H Accept: -H 'X: ' -H 'Y;' -H 'Host: b.test'",
    "http://a.test/ -H Content-Type: -H Expect: -d a",
    "http://a.test/ -H 'Content-Length: 3' -d abc",
    "http://a.test/ -H 'Transfer-Encoding: chunked' -d abc",
    "http://a.test/ -H 'Transfer-Encoding: chunked' -d ''",
    "http://a.test/ --data-urlencode x@a.txt --data-urlencode @a.txt --data-urlencode '=a b'",
    "http://a.test/ --data-urlencode 'a@b=c \u00e9~' --data-urlencode '\u00e9('",
    "http://a.test/ -d @a.txt -d b",
    "http://a.test/ --data-binary @a.txt",
    "http://a.test/ -b a=1 -b 'b=2; c=3'",
    "http://a.test/ -b a=1 -H 'Cookie: c=3' -A me -H 'User-Agent: x' -e ''",
    "http://a.test/ -A '' -e 'http://x/;auto'",
    "http://a.test/ -u me:x -H 'Authorization: Bearer y'",
    "http://u:p%20q@a.test/x",
    "http://u:p@a.test/x -u me:x",
    "http://a.test/ --json '{\"a\":1}' --json '{}'",
    "http://a.test/ -d x --json '{}' -d y",
    "http://a.test/a/../b/./c/%2e%2e/d/..",
    "http://a.test/a/./..",
    "http://a.test/../../x/.",
    "http://a.test/a//../b?c=/../d",
    "http://a.test/a/../b --path-as-is",
    "'http://a.test/?f[]=1'",
    "'http://a.test/?f[x]={1}' --globoff",
    'http://a.test/ -F \'f=@"a.txt"\' -F \'g=@a.txt;filename="q\\"x";type=text/html; charset=x\'',
    "http://a.test/ -F 'm=\"a;b\"' -F 'p= a ;type=text/x' -F 't=<a.txt' -F 'h=<a.html' -F 'n=\"a'",
    "http://a.test/ -F 'f=@a.html' -F 'g=@a.odd' -F 'h=@a.odd;filename=b.PNG' -F i=x",
    "http://a.test/ -F 'i=x;filename=y.z' -F 'j=x;filename=y.pdf' -F k=",
    "http://a.test/ -F 'f=@a.txt;' -F 'g=x;type=text/html;charset=y;filename=z'",
    "http://a.test/ --form-string 'z=@a;b' -F 'a\"b=c'",
]
"""What the manual is too short for; only the order of headers and a file's line end may differ."""


CURL = shutil.which("curl")


def curls_version() -> tuple[int, ...]:
    if CURL is None:
        return ()
    told = subprocess.run([CURL, "-q", "--version"], capture_output=True, check=True, timeout=10)
    return tuple(map(int, re.findall(rb"[0-9]+", told.stdout)[:2]))


@pytest.mark.skipif(curls_version() < (7, 87), reason="there is no curl to compare with")
def test_curl_itself_sends_the_same(tmp_path: Path):
    for name in ("a.txt", "a.html", "a.odd"):
        (tmp_path / name).write_bytes(b"a\r\nb c&\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        there = [str(CURL), "-qsS", "-m10", "--noproxy", "*", "--connect-to", f"::127.0.0.1:{port}"]
        for line in SAME:
            command = [*there, *shlex.split(line)]
            with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as curl:
                connection, _ = server.accept()
                with connection:
                    sent = _received(connection)
                assert curl.wait(10) == 0, line
            assert _parts(sent) == _parts(from_curl(f"curl {line}", tmp_path).wire()), line


def _received(connection: socket.socket) -> bytes:
    """Return a request, answered."""
    stream = connection.makefile("rb")
    lines = []
    while (given_line := stream.readline()).strip():
        lines.append(given_line)
    head = b"".join(lines)
    body = b""
    if length := re.search(rb"(?i)content-length: ([0-9]+)", head):
        body = stream.read(int(length[1]))
    elif b"chunked" in head:
        while not body.endswith(b"0\r\n\r\n"):
            body += stream.readline()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return head + b"\r\n" + body


def _parts(sent: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the request line, the headers in order of their names, and the body."""
    head, _, body = sent.partition(b"\r\n\r\n")
    if bound := re.search(rb"boundary=(-+[^;\r]+)", head):
        head, body = (part.replace(bound[1], b"BOUND") for part in (head, body))
        head = re.sub(rb"Content-Length: [0-9]+", b"", head)
    head = re.sub(rb"curl/[0-9.]+", b"curl", head).replace(b"Connection: close", b"")
    first, *headers = head.split(b"\r\n")
    return first, sorted(filter(None, map(bytes.strip, headers))), body


@given(st.lists(st.sampled_from(["type=", "filename=", *'a;=,"\\(< ']), max_size=12))
def test_no_field_of_a_form_ends_in_a_traceback(pieces: list[str]):
    try:
        sent = part("name=" + "".join(pieces), lambda _name: b"data")
    except RequestError:
        return
    assert sent.count(b"\r\n\r\n") == 1


@given(st.text(max_size=60))
def test_no_line_ends_in_a_traceback(text: str):
    try:
        request = from_curl(f"curl {text}")
    except RequestError:
        return
    assert request.wire().endswith(request.body)
