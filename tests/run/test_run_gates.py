"""Gates of a spec, in a proof and in a run on this machine."""

from __future__ import annotations

import pytest
from support import waf as real
from support.backends import containers

from waf_builder import pipeline
from waf_builder.run.local import local_waf
from waf_builder.run.process import WafProcess
from waf_builder.spec.model import Backend

pytestmark = pytest.mark.nginx
GATES = """\
backend: {host: api.internal, port: 3000}
client_ip: {header: CF-Connecting-IP, proxies: [203.0.113.0/24]}
https_only: true
canonical_host: www.example.com
"""
ASKED = """\
access: {allow: [192.0.2.0/24]}
basic_auth: {user: me, password_env: NOT_SET}
rate_limit: {rate: 1r/m, burst: 0}
max_connections: 1
routes:
  - {path: /}
  - {path: /a/, access: {deny: [127.0.0.0/8]}, rate_limit: {rate: 1r/m}}
"""


def test_a_proof_asks_what_is_behind_them(tmp_path, engine_new):
    spec = tmp_path / "backend.yaml"
    spec.write_text(GATES + ASKED)
    rendered = pipeline.render_spec(spec, pipeline.Choice(str(engine_new.root)))
    assert "auth_basic" in rendered.tree["nginx.conf"]
    assert pipeline.prove_by_requests(spec, rendered) == []


def test_a_run_is_without_what_only_the_router_can_say(tmp_path, engine_new):
    spec = tmp_path / "backend.yaml"
    spec.write_text(GATES + "rate_limit: {rate: 1r/m, burst: 0}\n")
    with containers(1) as (one,):
        backend = Backend(host=one.name, port=one.port)
        choice = pipeline.Choice(str(engine_new.root))
        rendered = pipeline.render_for_run(spec, choice, backend, lambda _text: None)
        port = real.free_port()
        with (
            local_waf(rendered.tree, engine_new) as tree,
            WafProcess(tree, port=port, on_line=lambda _line: None),
        ):
            answers = [
                real.exchange(("127.0.0.1", port), real.request("/", host="waf.test")).status
                for _ in range(2)
            ]
    assert answers == [200, 429]
