"""The policies that compiled and installed rules are compared for, and a port to send on to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from waf_builder.pipeline import Choice, render_spec
from waf_builder.verify.echo import echo
from waf_builder.verify.pair import Pair, pair_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from waf_builder.engine.model import Engine
    from waf_builder.run.proof import ProofBackend

    Pairs = Callable[..., Pair]

SPECS = {
    "default": "waf: {}",
    "detection": "waf: {paranoia_level: 2, detection_paranoia_level: 3, mode: detect}",
    "highest": "waf: {paranoia_level: 4, inspect_responses: true}",
    "routes": """\
waf:
  inbound_anomaly_threshold: 10
  exclusions:
    - {rule: 942100, reason: compared}
    - {rule: 941100, target: "ARGS:a", reason: compared}
    - {rule: 930120, path: /watched, reason: compared}
routes:
  - path: /
  - path: /strict/
    waf: {paranoia_level: 3, exclusions: [{rule: 941110, reason: compared}]}
  - {path: /watched/, waf: {mode: detect, detection_paranoia_level: 4}}
  - {path: /read/, waf: {inspect_responses: true}}
  - {path: /, hosts: [files.example.com], methods: [GET, POST, PURGE]}
""",
}
"""Each has other rules in force; the last one has a route for each kind of deviation."""

ATTRIBUTES = "attributes"
"""Rule 901181 makes exclusions in every request, which concern no rule of another file."""

_WITHOUT = "{external_entities: false, java_objects: false, server_templates: false}"

_SETUP = """\
{% extends "builtin:modsecurity/crs-setup.conf.j2" %}
{% block crs_setup %}
{{ super() | replace("crs_xml_attr_inspect=1", "crs_xml_attr_inspect=0") }}
{% endblock %}
"""


def crs_4() -> str:
    """Return the folder of a Core Rule Set 4; the test is skipped where none is given."""
    folder = os.environ.get("WAF_BUILDER_TEST_CRS_4")
    if not folder:
        pytest.skip("set WAF_BUILDER_TEST_CRS_4 to the folder of an unpacked release 4")
    return folder


@pytest.fixture(scope="session")
def backend() -> Iterator[ProofBackend]:
    with echo() as started:
        yield started


@pytest.fixture(scope="session")
def pairs(
    backend: ProofBackend, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Engine], Pair]:
    """Return a function that gives both trees of a policy."""
    made: dict[tuple[str, Path], Pair] = {}

    def pair(name: str, engine: Engine, crs: str | None = None) -> Pair:
        key = (name + str(crs), engine.root)
        if key not in made:
            file = tmp_path_factory.mktemp("verify") / "backend.yaml"
            spec = SPECS.get(name, f"waf: {{extra_detection: {_WITHOUT}}}")
            file.write_text(f"backend: {{host: 127.0.0.1, port: 3000}}\n{spec}\n")
            if name == ATTRIBUTES:
                template = file.parent / "waf/templates/modsecurity/crs-setup.conf.j2"
                template.parent.mkdir(parents=True)
                template.write_text(_SETUP)
            rendered = render_spec(file, Choice(engine=str(engine.root), crs=crs))
            made[key] = pair_of(file, rendered, backend.port)
        return made[key]

    return pair
