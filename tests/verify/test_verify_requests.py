from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from waf_builder.verify.disguises import DISGUISES, disguised
from waf_builder.verify.requests import Generator
from waf_builder.verify.samples import expression
from waf_builder.verify.wire import Place
from waf_builder.verify.words import Words, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

PLACES = [Place("a.example", "/"), Place("b.example", "/deep/")]


def made(seed: int, count: int = 300) -> list[bytes]:
    return [one.data for one in Generator(seed, Words(), PLACES).requests(count)]


def test_the_same_seed_makes_the_same_requests():
    assert made(1) == made(1)
    assert made(1) != made(2)


def test_any_request_can_be_made_again_by_its_number():
    generator = Generator(1, Words(), PLACES)
    assert generator.request(7) == list(generator.requests(10))[6]


def test_heads_are_sound_and_bodies_as_long_as_they_say():
    for number, data in enumerate(made(1), 1):
        head, end, body = data.partition(b"\r\n\r\n")
        assert end
        first, *headers = head.split(b"\r\n")
        assert first.count(b" ") == 2
        assert first.endswith(b" HTTP/1.1")
        fields = dict(line.split(b": ", 1) for line in headers)
        assert int(fields.get(b"Content-Length", b"0")) == len(body)
        assert fields[b"X-Waf-Verify"] == str(number).encode()


def test_they_go_everywhere_and_hold_attacks_in_all_places():
    text = b"\n".join(made(1, 2000))
    for place in PLACES:
        assert f"Host: {place.host}".encode() in text
    kinds = [b"/json", b"/xml", b"multipart/form-data", b"urlencoded", b"Cookie: ", b"filename="]
    assert all(kind in text for kind in kinds)


PATTERNS = {
    r"(?i)(?:union|<select>)\s+all": r"union[ \t]+all",
    "[<a-c]{2}x?": "[a-c]{2}x?",
    r"(a|')\1;": "aa;",
    r"(?<=x)[^a-z']\d": r"x[A-Z0-9 _,./-]\d",
    r"=\x{3c}+\z": "=<+",
}
"""Expressions, and what their plainest texts are like."""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_sample_is_what_an_expression_matches(pattern: str):
    random = Random(1)
    for _ in range(50):
        found = expression(pattern).sample(random, plain=True)
        assert re.fullmatch(PATTERNS[pattern], found), found
    found = {expression(pattern).sample(random, plain=False) for _ in range(50)}
    assert all(
        re.search(pattern.replace("x{3c}", "x3c").replace(r"\z", r"\Z"), one) for one in found
    )


def test_of_what_python_cannot_read_there_are_words():
    assert expression("(?|union|select").sample(Random(1), plain=True) in {"union", "select"}


def test_every_expression_and_list_has_its_turn():
    words = Words(expressions=("first-a", "second-b"), listed=(("third-c",), ("fourth-d",)))
    text = b"".join(one.data for one in Generator(1, words, PLACES).requests(200))
    assert all(word.encode() in text for word in ("first-a", "second-b", "third-c", "fourth-d"))


@pytest.mark.parametrize("undone_by", DISGUISES)
def test_a_disguised_text_is_another_one(undone_by: str):
    text = "one two/three"
    assert DISGUISES[undone_by](text, 1) != text
    assert isinstance(DISGUISES[undone_by]("", 0), str)


@pytest.mark.parametrize(
    ("undone", "signs"),
    [
        (("jsdecode",), {r"\u"}),
        (("jsdecode", "cssdecode"), {r"\u", r"\\"}),
        (("removenulls",), {"\0"}),
        (("urldecodeuni", "jsdecode", "cssdecode", "removenulls"), {"%u", r"\u", r"\\", "%00"}),
        (("none", "length"), {"a"}),
    ],
)
def test_what_runs_before_a_transformation_leaves_what_it_undoes(
    undone: tuple[str, ...], signs: set[str]
):
    found = {disguised("a", undone, Random(seed)) for seed in range(99)}
    assert all(any(sign in text for text in found) for sign in signs)
    assert all(any(sign in text for sign in {*signs, "a"}) for text in found)


@pytest.mark.nginx
def test_what_rules_undo_is_done(engine: Engine):
    assert engine.crs
    words = words_of(engine.crs.rules)
    undone = {each for of_one in words.decoded.values() for each in of_one}
    assert undone - set(DISGUISES) <= {"none", "base64decode", "hexencode", "sha1"}
    text = b"".join(one.data for one in Generator(1, words, PLACES).requests(2000))
    assert all(sign in text for sign in (b"%u00", b"&#x", b"/./", b"/**/", rb"\u00"))


def test_words_are_also_those_of_the_rule_set(tmp_path: Path):
    (tmp_path / "a.data").write_text("# about it\n\nstrange-word\n")
    (tmp_path / "a.conf").write_text(
        'SecRule ARGS:/^odd/|!REQUEST_COOKIES:plain "@rx x" "id:1,phase:2"\n'
        'SecRule ARGS "@pmFromFile a.data" "id:2,phase:2,chain"\n'
        'SecRule ARGS "@pm one two" "t:none"\nSecRule ARGS "@rx \\"y\\"" "id:3,phase:2"\n'
    )
    words = words_of(tmp_path)
    assert words.listed == (("strange-word",), ("one", "two"))
    assert words.expressions == ("x", '"y"')
    assert words.decoded == {"x": (), '"y"': ()}
    assert words.names[-1] == "odd"
    assert words.excluded[-1] == "plain"
