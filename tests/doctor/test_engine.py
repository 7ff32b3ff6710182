from __future__ import annotations

from dataclasses import replace

import pytest
from support.engines import NEWEST
from support.tree import bootable_tree

from waf_builder.crs.installed import InstalledCrs
from waf_builder.doctor import engine as module
from waf_builder.doctor.engine import check_engine
from waf_builder.doctor.result import Outcome, failed, ok
from waf_builder.engine.link import linked
from waf_builder.version import Version


def found(monkeypatch: pytest.MonkeyPatch, **changes):
    used = replace(NEWEST, **changes)
    monkeypatch.setattr(module, "find", lambda _where, _crs: used)
    return check_engine(None, None)


def test_the_newest_is_ok(monkeypatch):
    assert found(monkeypatch) == ok(
        "engine",
        "nginx 1.30.6, libmodsecurity 3.0.17, connector 1.0.4, Core Rule Set 4.28.0",
    )


def test_what_an_old_one_cannot_do_is_a_warning(monkeypatch):
    result = found(monkeypatch, modsecurity_version=Version(3, 0, 9))
    assert result.outcome is Outcome.WARNING
    assert result.hint.startswith(
        "libmodsecurity 3.0.9 does not enforce SecPcreMatchLimit, so one request of 2 KB can keep"
        " a worker busy for seconds.\n"
    )
    assert "CVE" not in result.hint, "notes are not for here"


def test_what_does_not_go_together_fails(monkeypatch):
    rules = InstalledCrs(NEWEST.crs.folder, Version(4, 25, 1))
    result = found(monkeypatch, modsecurity_version=Version(3, 0, 15), crs=rules)
    assert result.outcome is Outcome.FAILED
    assert result.hint.startswith(
        "Core Rule Set 4.25.1 needs libmodsecurity 3.0.16 or newer, this is 3.0.15: "
    )


def test_an_engine_without_rules_fails(monkeypatch):
    assert found(monkeypatch, crs=None, connector_version=None) == failed(
        "engine",
        "nginx 1.30.6, libmodsecurity 3.0.17, no Core Rule Set",
        "Name a folder that holds one: --crs DIR",
    )


def test_no_engine_fails(tmp_path):
    assert check_engine(str(tmp_path), None) == failed(
        "engine",
        f"no engine in {tmp_path}: it has no usr/sbin/nginx",
        "An engine folder looks like the root of a system: usr/sbin/nginx,"
        " usr/lib/nginx/modules/ngx_http_modsecurity_module.so, and the libraries below usr/lib.",
    )


@pytest.mark.nginx
def test_the_engine_of_a_tree_is_found_through_its_links(tmp_path, engine):
    tree = bootable_tree(tmp_path / "waf", engine)
    result = check_engine(*linked(tree))
    assert result.outcome is not Outcome.FAILED
    assert result.seen == (
        f"nginx {engine.nginx_version}, libmodsecurity {engine.modsecurity_version},"
        f" connector {engine.connector_version}, Core Rule Set {engine.crs.version}"
    )


def test_a_tree_without_an_engine_names_none(tmp_path):
    assert linked(tmp_path) == (None, None)
