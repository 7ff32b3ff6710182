"""Requests for one rule: what is put into a place is what the engine sees there."""

from __future__ import annotations

import dataclasses
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import pytest

from waf_builder.verify.aimed import Aimed
from waf_builder.verify.aims import Aim, Sought
from waf_builder.verify.parts import Parts
from waf_builder.verify.places import PLACES
from waf_builder.verify.requests import Generator
from waf_builder.verify.side import running
from waf_builder.verify.wire import Place, Request
from waf_builder.verify.words import Words, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

    from .conftest import Pairs

PLACE = Place("waf-proof.invalid", "/")
TIMES = 8
"""Some places are more than one, such as arguments of a query and of a body."""


@pytest.mark.nginx
def test_what_is_put_into_a_place_is_seen_there(engine_new: Engine, pairs: Pairs):
    pair = pairs("default", engine_new)
    numbers = dict(zip(PLACES, count(99_000), strict=False))
    rules = [
        f'SecRule {variable} "@contains needle" "id:{number},phase:2,pass,log,auditlog,t:none"\n'
        for variable, number in numbers.items()
    ]
    tree = {**pair.installed, "modsecurity/late.conf": "".join(rules)}
    asked = [
        (variable, put_once(variable, number))
        for number, variable in enumerate(list(PLACES) * TIMES, 1)
    ]
    with running(tree, "", pair.engine) as side:
        for _, request in asked:
            side.send(request)
            side.receive(request)
        said = side.verdicts(Generator(1, Words(), [PLACE]).plain(0))
    for variable, request in asked:
        matched = {match.rule for match in said[request.number].matches}
        assert numbers[variable] in matched, request.data


def put_once(variable: str, number: int) -> Request:
    parts = Parts(Random(number), Random(number).choice((None, "form", "json", "parts")))
    PLACES[variable](parts, "x", "needle")
    return parts.written(PLACE, number)


def rule_set(folder: Path) -> Words:
    (folder / "a.conf").write_text(
        'SecRule ARGS:key|!ARGS:other "@rx first" "id:1,phase:2,chain"\n'
        '    SecRule MATCHED_VARS "@rx second" "t:none,chain"\n'
        '    SecRule REQUEST_HEADERS:Referer "@rx third"\n'
        'SecRule REQUEST_COOKIES:/^seven$/ "@pm fourth" "id:2,phase:1,t:lowercase"\n'
        'SecRule &ARGS|TX:a "@rx fifth" "id:3,phase:2"\n'
        'SecRule ARGS "@rx sixth" "id:4,phase:4"\n'
    )
    return words_of(folder)


def test_there_is_an_aim_for_each_place_where_a_rule_looks(tmp_path: Path):
    aims = rule_set(tmp_path).aims
    assert [(aim.rule, str(aim.where)) for aim in aims] == [
        (1, "ARGS:key"),
        (2, "REQUEST_COOKIES:/^seven$/"),
        (3, "TX:a"),
    ]
    assert [sought.expression for sought in aims[0].sought] == ["first", "second", "third"]
    assert aims[1].sought[0].listed == ("fourth",)


def test_a_chain_is_met_as_a_whole(tmp_path: Path):
    words = rule_set(tmp_path)
    texts = [
        Aimed(Random(seed), words, words.aims[:1]).made(PLACE, seed).data.decode("latin-1")
        for seed in range(60)
    ]
    whole = [text for text in texts if "first" in text and "second" in text and "third" in text]
    assert len(whole) > 20
    assert all("key" in text and "Referer: " in text for text in whole)


def test_every_aim_has_its_turn(tmp_path: Path):
    aims = rule_set(tmp_path).aims[:2]
    one = dataclasses.replace(aims[0], rule=5, sought=(sought("seldom"),))
    for others in ((), (one,) * 4):
        words = Words(aims=(*aims, *others))
        made = Generator(1, words, [PLACE], in_force=(1, 2)).requests(200)
        text = b"".join(request.data for request in made)
        assert b"first" in text
        assert b"seven" in text
        assert (b"seldom" in text) == bool(others)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Expect"])
def test_no_header_keeps_an_answer_from_coming(name: str):
    for variable in ("REQUEST_HEADERS", "REQUEST_HEADERS_NAMES"):
        parts = Parts(Random(1))
        PLACES[variable](parts, name, name)
        assert parts.headers == []


def test_without_aims_there_are_other_requests():
    assert len({one.data for one in Generator(1, Words(), [PLACE]).requests(50)}) == 50


def sought(expression: str) -> Sought:
    return Sought(expression, (), anything=False, undone=(), where=())


def test_a_rule_that_looks_nowhere_in_requests_is_no_aim(tmp_path: Path):
    (aim,) = (each for each in rule_set(tmp_path).aims if each.rule == 3)
    assert isinstance(aim, Aim)
    made = Generator(1, Words(aims=(aim,)), [PLACE], in_force=(3,)).requests(50)
    assert b"fifth" not in b"".join(request.data for request in made)
