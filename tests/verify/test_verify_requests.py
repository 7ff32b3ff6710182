from __future__ import annotations

from typing import TYPE_CHECKING

from waf_builder.verify.requests import Generator, Place
from waf_builder.verify.words import Words, words_of

if TYPE_CHECKING:
    from pathlib import Path

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


def test_words_are_also_those_of_the_rule_set(tmp_path: Path):
    (tmp_path / "a.data").write_text("# about it\n\nstrange-word\n")
    (tmp_path / "a.conf").write_text(
        'SecRule ARGS:/^odd/|!REQUEST_COOKIES:plain "@rx x" "id:1,phase:2"\n'
    )
    words = words_of(tmp_path)
    assert words.listed == ("strange-word",)
    assert words.names[-1] == "odd"
    assert words.excluded[-1] == "plain"
