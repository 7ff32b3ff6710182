"""Small specs, as the doctor's checks see them."""

from __future__ import annotations

from waf_builder.config.backends import build_backends
from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Config
from waf_builder.doctor.subject import Subject, find_subjects
from waf_builder.spec.load import loads


def subject_of(text: str, **environ: str) -> Subject:
    """Return the one backend of a spec."""
    spec, problems = loads(text, "backend.yaml", {})
    assert spec, problems
    backends, _ = build_backends(spec, NEWEST, lambda _path: None)
    (subject,) = find_subjects(spec, backends, environ)
    return subject


def config_of(text: str) -> Config:
    """Return the configuration of a spec."""
    spec, problems = loads(text, "backend.yaml", {})
    assert spec, problems
    return build(spec)
