"""What `render` writes is what start-waf reads."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.client import exchange, request
from support.tree import boot, running

from waf_builder.cli import main
from waf_builder.engine.link import link

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SPEC = """\
backend:
  process: ${BACKEND_PROCESS}
  port: ${BACKEND_PORT:-3000}
  app_id: ${backend_app_id}
"""
GOOD = {
    "BACKEND_PROCESS": "api",
    "backend_app_id": "ap-a71da13f-7c70-4c00-a644-eee8558d8053",
    "SCALINGO_PRIVATE_NETWORK_ID": "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c",
}


@pytest.fixture
def tree(tmp_path: Path, engine: Engine) -> Path:
    spec, tree = tmp_path / "backend.yaml", tmp_path / "waf"
    spec.write_text(SPEC)
    command = ["render", str(spec), "-o", str(tree), "--engine", str(engine.root)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    link(engine, tree)
    return tree


def test_boots_with_names_from_the_environment(tree):
    with running(tree, **GOOD) as waf:
        filled = (tree / "runtime/backends.conf").read_text()
        assert (
            "api.ap-a71da13f-7c70-4c00-a644-eee8558d8053"
            ".pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c.private-network.internal:3000" in filled
        )
        assert "@" not in filled
        summary = json.loads((tree / "waf-builder.json").read_text())["summary"]
        assert re.fullmatch(
            rf"waf: listening on 127\.0\.0\.1:{waf.port}, \d workers?, up to \d+ MiB,"
            rf" {re.escape(summary)}\n",
            waf.said[-1],
        )
        attack = request("/?q=1%20UNION%20SELECT%20password%20FROM%20users")
        assert exchange(waf.address, attack).status == 403


@pytest.mark.parametrize("name", GOOD)
def test_says_which_variable_is_missing(tree, name):
    result = boot(tree, **{**GOOD, name: None})
    assert result.returncode == 1
    assert result.stderr.startswith(f"waf: error: {name} is not set, expected backend.")
    assert result.stderr.count("\n") == 1
