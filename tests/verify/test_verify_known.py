"""Compiled rules say the same of what people wrote: the corpus, the rule set's own tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from corpus import requests as corpus
from verify.conftest import crs_4

from waf_builder.suite import ftw
from waf_builder.suite.wire import encode
from waf_builder.verify.pair import Pair
from waf_builder.verify.requests import Generator
from waf_builder.verify.verify import Verified, compare_for
from waf_builder.verify.wire import NUMBER_HEADER, Place, Request
from waf_builder.verify.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waf_builder.engine.model import Engine

    from .conftest import Pairs

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.skipif(
        not os.environ.get("WAF_BUILDER_TEST_REQUESTS"), reason="`make test-rules` sends these"
    ),
]

SUITE = Path(os.environ.get("WAF_BUILDER_TEST_CRS_3_TESTS") or os.devnull)
SPOKEN = (b" HTTP/1.1", b" HTTP/1.0")
FRAMED_OTHERWISE = (b"transfer-encoding:", b"expect:", b"upgrade:")


def numbered(texts: Iterable[bytes]) -> Iterator[Request]:
    """Yield requests with their numbers; those with another framing may have no answer."""
    for number, data in enumerate(texts, 1):
        line, _, rest = data.partition(b"\r\n")
        head, end, body = rest.partition(b"\r\n\r\n")
        fields = [field.lower() for field in head.split(b"\r\n")]
        lengths = [field for field in fields if field.startswith(b"content-length:")]
        said = [length.partition(b":")[2].strip() for length in lengths]
        framed = said == ([b"%d" % len(body)] if body or lengths else [])
        other = any(field.startswith(FRAMED_OTHERWISE) for field in fields)
        if end and line.endswith(SPOKEN) and framed and not other:
            named = b"%s\r\n%s: %d\r\n%s" % (line, NUMBER_HEADER.encode(), number, rest)
            yield Request(number, named, line.partition(b" ")[0].decode("latin-1"))


def judged(pair: Pair, texts: list[bytes]) -> Verified:
    known = list(numbered(texts))
    assert len(known) > len(texts) * 0.9
    plain = Generator(1, Words(), [Place("waf-proof.invalid", "/")]).plain(0)
    found = compare_for(pair, known, plain)
    assert not found.differences, "\n".join(map(str, found.differences[:3]))
    assert found.requests == len(known)
    return found


def whole_corpus() -> list[bytes]:
    found = [*corpus.ordinary(), *corpus.specialist(), *corpus.attacks()]
    return [request.data for request in found]


@pytest.mark.slow
def test_compiled_rules_say_the_same_of_the_corpus(engine: Engine, pairs: Pairs):
    assert len(judged(pairs("default", engine), whole_corpus()).rules) > 50


def test_so_do_those_that_say_the_same_of_the_next_major_version(engine_new: Engine, pairs: Pairs):
    assert len(judged(pairs("default", engine_new, crs_4()), whole_corpus()).rules) > 50


@pytest.mark.slow
@pytest.mark.skipif(not SUITE.is_dir(), reason="WAF_BUILDER_TEST_CRS_3_TESTS names none")
def test_compiled_rules_say_the_same_of_the_rule_sets_own_tests(engine_new: Engine, pairs: Pairs):
    texts = [encode(stage.input) for case in ftw.load(SUITE) for stage in case.stages]
    assert len(judged(pairs("highest", engine_new), texts).rules) > 150
