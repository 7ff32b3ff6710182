"""Exclusions for applications, and plugins of the Core Rule Set 4: what they do, and no more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support.waf import mark

from waf_builder.engine.find import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.backends import Backend
    from support.client import Response
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
SPEC = """\
backend: {{host: plugins.internal, port: {port}}}
waf: {{plugins: [{plugins}]}}
workers: 1
"""
ATTACK = "<script>alert(1)</script>"


def post(waf: Waf, path: str, field: str, value: str = ATTACK) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return waf.ask(path, method="POST", headers=headers, body=f"{field}={value}".encode())


@pytest.fixture(scope="module")
def wordpress(engine: Engine, trees: Path, dns: NameServer, fleet: list[Backend]) -> Iterator[Waf]:
    dns.set("plugins.internal", fleet[0].name)
    tree = trees / mark()
    wafs.render(SPEC.format(port=fleet[0].port, plugins="wordpress"), tree, engine)
    with wafs.running(tree, resolver=dns.address) as waf:
        waf.await_backend("/")
        yield waf


class TestAnApplicationOnCrs3:
    def test_a_password_may_look_like_an_attack(self, wordpress: Waf, site: Backend):
        assert post(wordpress, "/wp-login.php", "pwd").status == 200
        assert len(site.received("/wp-login.php")) == 1

    def test_without_the_exclusions_it_may_not(self, waf: Waf, site: Backend):
        assert post(waf, "/wp-login.php", "pwd").status == 403
        assert site.received() == []

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/wp-login.php", "log"),
            ("/wp-login.php", "PWD[]"),
            ("/login.php", "pwd"),
            ("/wp-login.php/", "pwd"),
            ("/wp-login.php/x", "pwd"),
            ("/wp-login.php;x", "pwd"),
            ("/WP-LOGIN.PHP", "pwd"),
            ("/wp-login.php%2fx", "pwd"),
            ("/?x=/wp-login.php", "pwd"),
        ],
    )
    def test_nothing_else_is_let_through(
        self, wordpress: Waf, site: Backend, path: str, field: str
    ):
        assert post(wordpress, path, field).status == 403
        assert site.received() == []


PLUGIN = {
    "shop-config.conf": """\
SecAction "id:9599010,phase:1,pass,t:none,nolog,setvar:'tx.shop_field=template'"
""",
    "shop-before.conf": """\
# The rule set has not begun yet.
SecRule &TX:inbound_anomaly_score_pl1 "@eq 0" \\
    "id:9599100,phase:1,pass,t:none,nolog,setvar:'tx.shop_before=%{tx.shop_field}'"
SecRule REQUEST_FILENAME "@endsWith /shop/edit" \\
    "id:9599110,phase:1,pass,t:none,nolog,ctl:ruleRemoveTargetByTag=OWASP_CRS;ARGS:template"
SecRule REQUEST_HEADERS:User-Agent "@pmFromFile shop-bots.data" \\
    "id:9599120,phase:1,deny,status:403,t:none,log,msg:'A bot that no shop wants'"
""",
    "shop-after.conf": """\
# The rule set has set its scores up.
SecRule TX:shop_before "@streq template" \\
    "id:9599200,phase:1,pass,t:none,log,auditlog,msg:'config, before, rules, after',chain"
    SecRule &TX:inbound_anomaly_score_pl1 "@eq 1" "t:none"
""",
    "shop-bots.data": "price-spy\n",
}


@pytest.fixture(scope="module")
def shop(engine_new: Engine, trees: Path, dns: NameServer, fleet: list[Backend]) -> Iterator[Waf]:
    dns.set("plugins.internal", fleet[0].name)
    folder = trees / mark()
    its = folder / "waf/plugins/shop/plugins"
    its.mkdir(parents=True)
    for name, text in PLUGIN.items():
        (its / name).write_text(text, encoding="utf-8")
    used = find(str(engine_new.root), CRS_4)
    spec = SPEC.format(port=fleet[0].port, plugins="shop")
    wafs.render(spec, folder / "tree", used, "--crs", CRS_4)
    with wafs.running(folder / "tree", resolver=dns.address) as waf:
        waf.await_backend("/")
        yield waf


@pytest.mark.skipif(not CRS_4, reason="no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one")
class TestAPluginOnCrs4:
    def test_its_files_are_loaded_in_their_order(self, shop: Waf):
        marker = mark()
        assert shop.ask(f"/{marker}").status == 200
        assert shop.rules(marker) == {9599200}

    def test_it_excludes_a_field_on_its_path(self, shop: Waf, site: Backend):
        assert post(shop, "/shop/edit", "template").status == 200
        assert len(site.received("/shop/edit")) == 1

    @pytest.mark.parametrize(
        ("path", "field"),
        [("/shop/edit", "name"), ("/shop/edit/", "template"), ("/shop", "template")],
    )
    def test_it_excludes_nothing_besides(self, shop: Waf, site: Backend, path: str, field: str):
        assert post(shop, path, field).status == 403
        assert site.received() == []

    @pytest.mark.parametrize(("agent", "status"), [("price-spy/1", 403), ("price/1", 200)])
    def test_it_reads_its_data(self, shop: Waf, agent: str, status: int):
        assert shop.ask(f"/{mark()}", headers={"User-Agent": agent}).status == status
