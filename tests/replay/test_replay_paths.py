"""Paths made general."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.replay.paths import pattern_of, prefix_of


@for_each(
    ("path", "pattern"),
    [
        ("/", "/"),
        ("/posts", "/posts"),
        ("/posts/17", "/posts/*"),
        ("/posts/17/edit", "/posts/*/edit"),
        ("/v1/items", "/v1/items"),
        ("/img/4711.png", "/img/*.png"),
        ("/app.0a1b2c3d4e.js", "/app.0a1b2c3d4e.js"),
        ("/d/2026-11-26", "/d/*"),
        ("/u/3F2504E0-4F89-41D3-9A0C-0305E82C3301/x", "/u/*/x"),
        ("/c/deadbeef", "/c/deadbeef"),  # a word, for all we know
        ("/c/deadbeef01", "/c/*"),
        ("/t/eyJhbGciOiJIUzI1NiJ9_x", "/t/*"),
        ("/how-to-cook", "/how-to-cook"),
        ("/" + "a/" * 20, "/a/a/a/a/a/a/a/a/*"),
        ("/" + "a" * 200, "/" + "a" * 98 + "*"),
        ("/a\nb/1", "/a\nb/*"),
    ],
)
def test_pattern(path: str, pattern: str):
    assert pattern_of(path) == pattern


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("/posts", "/posts"), ("/posts/*", "/posts/"), ("/a/*/b/*", "/a/"), ("/*", "/"),
     ("/img/*.png", "/img/")],
)  # fmt: skip
def test_prefix(pattern: str, prefix: str):
    assert prefix_of(pattern) == prefix


@given(st.text())
def test_any_path_has_a_short_pattern_that_it_begins_as(path: str):
    pattern = pattern_of(f"/{path}")
    assert len(pattern) <= 100
    assert "*" in path or f"/{path}".startswith(prefix_of(pattern))
