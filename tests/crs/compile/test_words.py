from __future__ import annotations

import re

import pytest

from waf_builder.crs.compile.words import expression, in_file, in_operator


def found(words: list[str], text: bytes) -> bool:
    return bool(re.search(expression(tuple(words)).encode(), text))


@pytest.mark.parametrize(
    "text", [b"/bin/sh", b"a /BIN/Sh b", b"cat", b"xcatx", b"caf\xc3\xa9", b"a.b"]
)
def test_a_word_is_found_wherever_it_stands_in_any_case(text: bytes):
    assert found(["bin/sh", "cat", "catalogue", "café", "a.b"], text)


@pytest.mark.parametrize("text", [b"", b"bin", b"ca t", b"axb", b"caf\xc3", b"/bin/s"])
def test_nothing_else_is(text: bytes):
    assert not found(["bin/sh", "cat", "catalogue", "café", "a.b"], text)


def test_words_with_a_common_beginning_are_written_once():
    assert expression(("bin/sh", "bin/sed", "bin/ed", "bin/edit")) == "(?i:bin/(?:ed|s(?:ed|h)))"


def test_signs_that_mean_something_to_seclang_or_pcre_are_written_by_number():
    assert expression(('$_"%{\\',)) == r"(?i:\x24_\x22\x25\x7b\x5c)"
    assert expression(()) == ""


def test_a_file_is_read_as_the_engine_reads_it():
    assert in_file("# about\n\n  # indented\n a b \nc#d\n") == [" a b ", "c#d"]


def test_words_of_an_operator_are_read_where_they_are_plain():
    assert in_operator("a .b  <c") == ["a", ".b", "<c"]
    assert in_operator("a|41|b") is None
