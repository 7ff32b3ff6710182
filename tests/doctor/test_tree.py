from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.files import serve_files

from waf_builder import __version__, cli
from waf_builder.doctor.result import Outcome, failed, ok, skipped, warning
from waf_builder.doctor.tree import check_tree
from waf_builder.engine.link import link

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

AGAIN = "Publish it again: waf-builder render SPEC -o DIR, or a new deploy."
SPEC = """\
backend:
  process: api
  port: ${API_PORT}
  app_id: ap-a71da13f-7c70-4c00-a644-eee8558d8053
"""
NETWORK = {"SCALINGO_PRIVATE_NETWORK_ID": "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "backend.yaml"
    file.write_text(SPEC)
    return file


@pytest.fixture
def tree(spec: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree rendered where one of two variables was known, as at a build."""
    monkeypatch.setenv("API_PORT", "3000")
    monkeypatch.delenv("SCALINGO_PRIVATE_NETWORK_ID", raising=False)
    tree = spec.with_name("published")
    result = CliRunner().invoke(
        cli.main, ["render", str(spec), "-o", str(tree), "--engine", "none"]
    )
    assert result.exit_code == 0, result.output
    return tree


BOTH = {"API_PORT": "3000", **NETWORK}


def test_a_tree_of_this_spec_is_ok(tree, spec):
    """Although there are variables now that the build did not have."""
    result = check_tree(tree, spec, BOTH)
    files = json.loads((tree / "waf-builder.json").read_text())["files"]
    assert result == ok(
        "tree",
        f"what the spec asks for, {len(files)} files for nginx 1.30.4, libmodsecurity 3.0.16,"
        " CRS 4.25.1",
    )


@pytest.mark.nginx
def test_exclusions_are_looked_up_in_the_rules_of_the_tree(spec, engine_new: Engine):
    """A tag is the rules that have it in the installed rule set, and in no other."""
    spec.write_text(
        SPEC + "waf: {exclusions: [{tag: attack-sqli, target: 'ARGS:q', reason: prose}]}\n"
    )
    tree = spec.with_name("published")
    command = ["render", str(spec), "-o", str(tree), "--engine", str(engine_new.root)]
    result = CliRunner().invoke(cli.main, command, env=BOTH)
    assert result.exit_code == 0, result.output
    link(engine_new, tree)
    assert check_tree(tree, spec, BOTH).outcome is Outcome.OK


def test_a_variable_that_the_build_took_has_changed(tree, spec):
    assert check_tree(tree, spec, {**BOTH, "API_PORT": "4000"}) == failed(
        "tree", "not what the spec asks for: boot/backends.conf", AGAIN
    )


def test_a_spec_that_has_changed(tree, spec):
    spec.write_text(SPEC + "waf: {mode: detect, max_arguments: 7}\nhealth: {path: /up}\n")
    assert check_tree(tree, spec, BOTH) == failed(
        "tree",
        "not what the spec asks for: modsecurity/crs-setup.conf, modsecurity/engine.conf,"
        " nginx.conf",
        AGAIN,
    )


def test_a_spec_with_rules_that_the_tree_lacks(tree, spec):
    rules = spec.with_name("waf") / "rules/before-crs"
    rules.mkdir(parents=True)
    (rules / "own.conf").write_text('SecRule ARGS:a "@streq b" "id:1,phase:1,pass,nolog"\n')
    assert check_tree(tree, spec, BOTH).seen == (
        "not what the spec asks for: modsecurity/before-crs/own.conf, modsecurity/main.conf"
    )


def test_a_file_that_somebody_changed(tree, spec):
    for name in ("nginx.conf", "modsecurity/main.conf", "boot/fields", "errors/403.html"):
        (tree / name).write_text("# mine\n")
    assert check_tree(tree, spec, BOTH) == failed(
        "tree",
        "changed since it was published: boot/fields, errors/403.html, modsecurity/main.conf"
        " and 1 more",
        AGAIN,
    )


def test_a_tree_of_another_version(tree, spec):
    stamp = tree / "waf-builder.json"
    stamp.write_text(stamp.read_text().replace(f'"version": "{__version__}"', '"version": "0"'))
    assert check_tree(tree, spec, BOTH) == warning(
        "tree",
        f"made by waf-builder 0, and this is {__version__}",
        f"So it was not compared with the spec. {AGAIN}",
    )


@pytest.mark.parametrize("stamp", [None, "", "[]", "{}", '{"nginx": "x"}'])
def test_a_folder_that_is_no_tree(tmp_path, spec, stamp):
    if stamp is not None:
        (tmp_path / "waf-builder.json").write_text(stamp)
    assert check_tree(tmp_path, spec, BOTH) == failed(
        "tree", f"{tmp_path} has no waf-builder.json of this waf-builder", AGAIN
    )


def test_no_tree_is_named(spec):
    assert check_tree(None, spec, {}) == skipped("tree", "none is named with --tree")


def test_plugins_are_compared_without_getting_them_again(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As in a container, which has the tree and no cache."""
    rule = 'SecAction "id:9599100,phase:1,pass,nolog"\n'
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("bots-1.0/plugins/bots-before.conf")
        member.size = len(rule)
        tar.addfile(member, io.BytesIO(rule.encode()))
    own = tmp_path / "waf/plugins/shop"
    own.mkdir(parents=True)
    (own / "shop-after.conf").write_text(rule.replace("9100", "9200"))
    listed = f"{hashlib.sha256(rule.encode()).hexdigest()}  bots-before.conf\n"
    digest = hashlib.sha256(listed.encode()).hexdigest()
    tree = tmp_path / "published"
    with serve_files() as server:
        server.files["bots.tar.gz"] = packed.getvalue()
        bots = f"{{name: bots, url: {server.url}/bots.tar.gz, sha256: {digest}}}"
        spec.write_text(f"{SPEC}waf: {{plugins: [shop, {bots}]}}\n")
        monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "cache"))
        command = ["render", str(spec), "-o", str(tree), "--engine", "none"]
        result = CliRunner().invoke(cli.main, command, env={"API_PORT": "3000"})
    assert result.exit_code == 0, result.output
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "another"))

    assert check_tree(tree, spec, BOTH).seen.startswith("what the spec asks for")
    (own / "shop-after.conf").write_text("# changed\n")
    assert "modsecurity/plugins/shop/shop-after.conf" in check_tree(tree, spec, BOTH).seen
