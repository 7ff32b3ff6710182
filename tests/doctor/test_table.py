from __future__ import annotations

from waf_builder.doctor.result import failed, ok, printable, skipped, warning
from waf_builder.doctor.table import table

RESULTS = [
    ok("spec", "backend.yaml: 1 backend, 1 route"),
    failed("backend: page", "GET /: no HTTP", "Look there.\nAnd there."),
    warning("workers", "8 workers", "Take fewer."),
    skipped("tree", "none is named"),
]


def test_rows_are_aligned_and_hints_stand_below():
    assert (
        table(RESULTS)
        == """\
check          result   seen
spec           ok       backend.yaml: 1 backend, 1 route
backend: page  failed   GET /: no HTTP
workers        warning  8 workers
tree           skipped  none is named

backend: page:
  Look there.
  And there.

workers:
  Take fewer.

1 failure, 1 warning"""
    )


def test_the_end_says_how_many():
    assert table(RESULTS[:1]).endswith("\n\nall is well")
    assert table(RESULTS[1:2] * 2).endswith("\n\n2 failures")
    assert table(RESULTS[2:3] * 2).endswith("\n\n2 warnings")


def test_only_the_word_is_painted():
    painted = table(RESULTS[:1], lambda outcome, text: f"<{outcome.value}:{text}>")
    assert painted.splitlines()[1] == "spec   <ok:ok    >  backend.yaml: 1 backend, 1 route"


def test_what_others_sent_cannot_command_a_terminal():
    assert printable("a\x1b[2J\r\nb\u202e") == "a?[2J??b?"
    assert printable("x" * 300, 10) == "xxxxxxx..."
