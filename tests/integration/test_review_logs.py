"""Whatever a client or a backend sends, an access line is one line of JSON in UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.client import Connection, request
from support.waf import access_line, mark

if TYPE_CHECKING:
    from support.answers import Exchange
    from support.backends import Backend
    from support.waf import Line, Waf

pytestmark = pytest.mark.nginx


def line_of(waf: Waf, marker: str) -> Line:
    """Return the access line with this text; a surrogate would stand for a byte of no text."""
    text = waf.stderr.wait_for(lambda line: line.startswith("{") and marker in line)
    assert text
    text.encode()
    return access_line(text)


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (b"/caf\xc3\xa9/\xe2\x82\xac/\xf0\x9f\x98\x80?x=1", "/caf"),
        (b"/caf%C3%A9?x=1", "/caf%C3%A9"),
        (b"/\xff\xfe", "/"),
        (b"/a\xc3/b", "/a"),
        (b"/overlong\xc0\xaf", "/overlong"),
        (b"/surrogate\xed\xa0\x80", "/surrogate"),
        (b"/beyond\xf4\x90\x80\x80", "/beyond"),
        (b"/stray\xc3\xa9\xa9", "/stray"),
        (b"/short\xe2\x82/\xf0\x9f\x98", "/short"),
        (b"/short\xf0\x9f\x98?x", "/short"),
        (b'/"quoted",\\', '/"quoted",\\'),
        (b"/$&'()*+,;=!", "/$&'()*+,;=!"),
        (b"/\xc3\xa9" * 5000, "/"),
        (b"/a" * 7000, "/a" * 7000),
    ],
    ids=range(14),
)
def test_a_path_is_logged_as_far_as_it_is_one(waf: Waf, sent: bytes, logged: str):
    marker = mark()
    data = request(f"/off/{marker}@").replace(b"@", sent, 1)
    assert waf.send(data).status == 200
    assert line_of(waf, marker)["url.path"] == f"/off/{marker}{logged}"


def test_a_fragment_is_not_logged(waf: Waf):
    """No browser sends one, and where one is sent it may hold a token."""
    marker = mark()
    assert waf.send(request(f"/off/{marker}#access_token=s3cr3t")).status == 400
    text = waf.stderr.wait_for(lambda line: line.startswith("{") and marker in line)
    assert text
    assert access_line(text)["url.path"] == f"/off/{marker}"


def test_a_host_that_is_none_is_not_logged(waf: Waf):
    marker = mark()
    data = request(f"/off/{marker}").replace(b"Host: waf.test", b"Host: \xe9\xff")
    assert waf.send(data).status in {200, 400}
    assert line_of(waf, marker)["url.domain"] == ""


@pytest.mark.parametrize("status", ["099", "007", "000", "200", "999"])
def test_a_status_is_a_number(waf: Waf, site: Backend, status: str):
    def answer(exchange: Exchange) -> None:
        exchange.respond(b"odd", f"{status} Odd")

    marker = mark()
    site.on(f"/off/{marker}", answer)
    with Connection(waf.address) as connection:
        connection.send(request(f"/off/{marker}"))
        connection.read_head()
    assert line_of(waf, marker)["http.response.status_code"] in {int(status), 502}
