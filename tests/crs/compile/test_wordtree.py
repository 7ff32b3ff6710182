"""Lists that are shortened, and that the engine finds the same with them."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from crs.compile.rulesets import compiled

from waf_builder.crs.compile.compile import run_passes
from waf_builder.crs.compile.files import needed_lists
from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.crs.compile.words import in_file
from waf_builder.crs.compile.wordtree import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waf_builder.engine.model import Engine

    Ask = Callable[[str, str, list[str]], list[str]]


def words(*listed: str) -> list[str]:
    return in_file(shortened("\n".join(listed) + "\n"))


@pytest.mark.parametrize(
    ("listed", "left"),
    [
        (["ls", "lsof", "lsblk"], ["ls"]),
        (["lsof", "ls"], ["ls"]),
        (["LSof", "ls"], ["LS"]),
        (["ls", "xlsx", "xlsm"], ["ls", "xls"]),
        (["xlsx", "xls", "ls"], ["xls", "ls"]),
        (["sl", "s", "asl"], ["s", "as"]),
        (["ab", "bc", "abd"], ["ab", "bc"]),
        (["café", "caféine"], ["café"]),
        (["abcd", "bce", "cd", "c"], ["abc", "bc", "c"]),
        # Behind `ab` the engine is on the way to `bq`, and does not see that `x` is a word, too.
        (["abxy", "bq", "x"], ["abxy", "bq", "x"]),
    ],
)
def test_words_end_where_the_engine_stops(listed: list[str], left: list[str]):
    assert words(*listed) == left


def test_lines_and_comments_stay_and_a_changed_file_says_so():
    text = "# licence\n\nls\nlsof\n# more\ncat"
    assert shortened(text) == (
        "# Compiled by waf-builder: words end where the engine stops looking.\n"
        "# licence\n\nls\n# more\ncat"
    )
    assert shortened("# licence\nls\ncat\n") == "# licence\nls\ncat\n"


LISTED = 'SecRule ARGS "@pmFromFile words.data" "id:10,phase:2,block"\n'
OF_ADDRESSES = 'SecRule REMOTE_ADDR "@ipMatchFromFile words.data" "id:11,phase:2,block"\n'


@pytest.mark.parametrize(
    ("rules", "names", "whole"),
    [
        (LISTED, ["lists"], False),
        (LISTED, ["screens"], True),
        (LISTED + OF_ADDRESSES, ["lists"], True),
        (LISTED.replace("block", "block,chain", 1) + OF_ADDRESSES, ["lists"], True),
    ],
)
def test_a_list_is_shortened_where_all_that_read_it_allow_it(
    rules: str, names: list[str], whole: bool, tmp_path: Path
):
    (tmp_path / "words.data").write_text("ls\nlsof\n")
    left, _ = run_passes(read_rules([Part("a.conf", rules, ours=True)]), names)
    assert needed_lists(left, tmp_path)["words.data"].endswith("ls\nlsof\n") is whole


def test_rules_stay_as_they_are():
    text, steps = compiled(LISTED, names=["lists"])
    assert text == LISTED
    why = "words of its list end where the engine stops"
    assert [(step.number, step.why) for step in steps] == [(10, why)]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Return what a real libmodsecurity finds with each of two lists in some texts."""
    library = pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
    said: list[str] = []
    engine = library.ModSecurity()
    engine.set_log_callback(lambda message: said.append(str(message)))

    def both(one: str, other: str, texts: list[str]) -> list[str]:
        found = []
        for text in (one, other):
            (tmp_path / "words.data").write_text(text)
            rules = library.RulesSet()
            loaded = rules.load(
                "SecRuleEngine DetectionOnly\n"
                f'SecRule REQUEST_HEADERS:A "@pmFromFile {tmp_path}/words.data"'
                " \"id:1,phase:1,pass,capture,log,msg:'found',logdata:'%{TX.0} of %{MATCHED_VAR}'\""
            )
            assert loaded == 1, rules.get_parser_error()
            said.clear()
            for sent in texts:
                transaction = library.Transaction(engine, rules, "same")
                transaction.process_connection("192.0.2.1", 80, "127.0.0.1", 80)
                transaction.process_uri(b"/", "GET", "1.1")
                transaction.add_request_header(b"A", sent.encode())
                transaction.process_request_headers()
            found.append("\n".join(said))
        return found

    yield both
    engine.set_log_callback(None)


def test_the_engine_finds_the_same(ask: Ask):
    random = Random(1)
    shorter = 0
    for _ in range(40):
        some = [text(random, 5) for _ in range(random.randint(2, 12))]
        listed = "\n".join(some)
        shorter += shortened(listed) != listed
        whole, short = ask(listed, shortened(listed), [text(random, 12) for _ in range(60)])
        assert whole == short
        assert "found" in whole
    assert shorter > 20


def text(random: Random, most: int) -> str:
    return "".join(random.choices("abcAB", k=random.randint(1, most)))


def folders(engine: Engine) -> list[Path]:
    folder = os.environ.get("WAF_BUILDER_TEST_CRS_4")
    assert engine.crs
    return [engine.crs.rules, *([Path(folder) / "rules"] if folder else [])]


@pytest.mark.nginx
def test_so_it_does_with_the_lists_of_a_rule_set(ask: Ask, engine_old: Engine):
    random = Random(1)
    lists = [file for folder in folders(engine_old) for file in sorted(folder.glob("*.data"))]
    for file in lists:
        whole = file.read_text()
        some = in_file(whole)
        texts = [
            some[random.randrange(len(some))][: random.randint(1, 40)]
            + random.choice(("", "x", *some))
            for _ in range(200)
        ]
        before, after = ask(whole, shortened(whole), [each for each in texts if "\0" not in each])
        assert before == after, file.name


def test_it_would_not_without_the_words_that_hold_another(ask: Ask):
    """A record names all that the engine has read of a word."""
    whole, without = ask("ls\nxlsx", "ls", ["an xlsx"])
    assert whole != without
