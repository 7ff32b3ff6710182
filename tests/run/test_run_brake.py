"""The emergency brake of the environment, in a run and in a proof."""

from __future__ import annotations

import pytest
from support import waf as real
from support.backends import containers

from waf_builder import pipeline
from waf_builder.run.process import WafProcess

pytestmark = pytest.mark.nginx
ATTACK = "/?q=%3Cscript%3Ealert(1)%3C/script%3E"


@pytest.mark.parametrize(("brake", "status"), [(True, 200), (False, 403)])
def test_a_run_obeys_the_brake_unless_told_not_to(tmp_path, engine_new, monkeypatch, brake, status):
    monkeypatch.setenv("WAF_MODE", "detect")
    said: list[str] = []
    with containers(1) as (one,):
        tree = tmp_path / "waf"
        real.render(f"backend: {{host: {one.name}, port: {one.port}}}\n", tree, engine_new)
        port = real.free_port()
        with WafProcess(tree, port=port, on_line=said.append, brake=brake):
            answer = real.exchange(("127.0.0.1", port), real.request(ATTACK, host="waf.test"))
    assert answer.status == status
    assert any("NOTHING IS BLOCKED" in line for line in said) is brake


def test_a_proof_is_about_the_spec_while_the_brake_is_on(tmp_path, engine_new, monkeypatch):
    """A deploy in an emergency must not fail because nothing is blocked."""
    monkeypatch.setenv("WAF_MODE", "detect")
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: api.internal, port: 3000}\n")
    rendered = pipeline.render_spec(spec, pipeline.Choice(str(engine_new.root)))
    assert pipeline.prove_by_requests(spec, rendered) == []
