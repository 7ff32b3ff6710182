"""Our code page against the file that comes with ModSecurity."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from seclang.rules_engine import Request, RulesEngine
from support.cases import for_each

from waf_builder.engine.codepage import CODE_PAGE, best_fit, unicode_mapping

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

MORE = "\u017a\u017f\u01e0\u01e1\u2070\u2071\u2079\u207a\u207c\u207d\u207e\u212b\uff1f"
"""What the file leaves out, though it has their like: z with another mark, a raised 4 but no 0,
and all other wide ASCII but not the question mark."""


def mapping_in(text: str) -> dict[int, int]:
    """Return the code page of a file, read as libmodsecurity reads it.

    By words: from the number of the page on, up to the first word after its pairs that is none
    (src/unicode_map_holder.h and ConfigUnicodeMap::loadConfig in libmodsecurity).
    """
    found: dict[int, int] = {}
    inside = False
    for word in text.split():
        if re.match(r"\d+$", word) and int(word) == CODE_PAGE:
            inside = True
        if inside and ":" in word:
            code, byte = word.split(":")
            found[int(code, 16)] = int(byte, 16)
        elif found:
            break
    return found


@pytest.mark.nginx
def test_it_holds_all_that_the_file_of_modsecurity_holds(engine: Engine) -> None:
    theirs = mapping_in(engine.unicode_map.read_text(encoding="utf-8"))
    ours = mapping_in(unicode_mapping())
    assert len(theirs) > 350
    assert {code: ours.get(code) for code in theirs} == theirs
    assert sorted(chr(code) for code in ours.keys() - theirs.keys()) == sorted(MORE)


@pytest.mark.parametrize(
    ("character", "fit"),
    [("＜", "<"), ("＇", "'"), ("〈", "<"), ("／", "/"), ("′", "'"), ("ſ", "s"), ("⁰", "0")],  # noqa: RUF001
)
def test_what_a_backend_may_fold_is_folded(character: str, fit: str) -> None:
    assert best_fit()[ord(character)] == ord(fit)


@for_each("character", ["«", "»", "’", "“", "”", "é", "œ", "€", "…", "–"])  # noqa: RUF001
def test_what_french_needs_stays_what_it_is(character: str) -> None:
    assert ord(character) not in best_fit()


def test_only_ascii_comes_out() -> None:
    assert all(0x20 <= byte < 0x7F for byte in best_fit().values())
    assert unicode_mapping().isascii()


@pytest.mark.nginx
@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_both_do_the_same_to_requests(engine: Engine, tmp_path: Path, whose: str) -> None:
    if whose == "ours":
        file = tmp_path / "ours.mapping"
        file.write_text(unicode_mapping(), encoding="ascii")
        engine = replace(engine, unicode_map=file)
    folder = tmp_path / "rules"
    folder.mkdir()
    rules = (
        f"SecUnicodeMapFile unicode.mapping {CODE_PAGE}\n"
        'SecRule ARGS:q "@rx [<\'\\x22]" "id:1,phase:2,deny,status:403,t:none,t:utf8toUnicode,'
        't:urlDecodeUni"\n'
    )
    texts = {
        "＜script＞": 403,  # noqa: RUF001
        "＇ or 1=1": 403,  # noqa: RUF001
        "〈b〉": 403,
        "« style » l’été d’“onze” – œuf": 200,  # noqa: RUF001
        "5 € … 10 ⁰": 200,
    }
    requests = [Request.parse(f"GET /?q={quote(text)}") for text in texts]
    assert RulesEngine(engine, folder).statuses(rules, requests) == list(texts.values())
