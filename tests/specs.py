"""Specs to start from, and what becomes of them; without files and without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Config, Target
from waf_builder.crs.index import index_of
from waf_builder.problem import Problem, errors_in
from waf_builder.render.render import Tree, render
from waf_builder.spec.load import loads
from waf_builder.spec.model import Spec
from waf_builder.version import Version

APP_ID = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"
NETWORK_ID = "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"
SMALLEST = f"""\
backend:
  process: myappbackend
  port: 3000
  app_id: {APP_ID}
  network_id: {NETWORK_ID}
"""
TWO_BACKENDS = """\
backends:
  site: {host: site.internal, port: 3000}
  api: {host: api.internal, port: 8080}
"""

RULES = index_of({"rules/rules.conf": (Path(__file__).parent / "rules/rules.conf").read_bytes()})
"""The rules that specs of tests are looked up in."""

OLD = Target(Version(1, 22, 1), Version(3, 0, 9), Version(1, 0, 3), Version(3, 3, 4))
"""The oldest generation that the tests know: Debian 12's."""


def problems_of(text: str, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Return what is wrong with a spec."""
    return loads(text, "backend.yaml", environ or {})[1]


def codes_of(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the codes of what is wrong with a spec, in the order of the file."""
    return [problem.code for problem in problems_of(text, environ)]


def spec_of(text: str, environ: Mapping[str, str] | None = None) -> Spec:
    """Return a spec; AssertionError with its problems if it has errors."""
    spec, problems = loads(text, "backend.yaml", environ or {})
    assert spec is not None, [problem.render() for problem in problems]
    assert errors_in(problems) == []
    return spec


def config_of(
    text: str, target: Target = NEWEST, environ: Mapping[str, str] | None = None
) -> Config:
    """Return what a spec is made into."""
    return build(spec_of(text, environ), target, index=RULES)


def tree_of(text: str, target: Target = NEWEST, environ: Mapping[str, str] | None = None) -> Tree:
    """Return the files that a spec is rendered to."""
    return render(config_of(text, target, environ))
