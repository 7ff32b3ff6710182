from __future__ import annotations

import re

import pytest

from waf_builder.deploy.log import Log, megabytes


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(lines: list[str]) -> Log:
    return Log(lines.append)


def test_a_step_has_a_title_details_and_an_end(log, lines):
    with log.step("Reading backend.yaml") as step:
        step.detail("one\n  two\n\nthree")
        step.done("1 backend", "cached", megabytes(17_700_000))
    *first, last = lines
    assert first == [
        "-----> Reading backend.yaml",
        "       one",
        "         two",
        "",
        "       three",
    ]
    assert re.fullmatch(r"       1 backend \(cached, 17\.7 MB, 0\.\d s\)", last)


def test_an_error_is_a_paragraph(log, lines):
    log.error("What.\n\nWhy.\n  as it was said")
    assert lines == [
        "",
        " !     Error: What.",
        " !",
        " !     Why.",
        " !       as it was said",
        "",
    ]


def test_a_long_line_is_wrapped_where_it_is_indented(log, lines):
    path = f"/a/path/{'x' * 120}"
    text = f"first\n  {'word ' * 30}{path}"
    log.warning(text)
    assert all(line.startswith(" !     ") for line in lines[1:-1])
    assert lines[2].startswith(" !       word word")
    assert lines[-2] == f" !       {path}"
