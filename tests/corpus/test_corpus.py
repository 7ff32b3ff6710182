"""The corpus itself, and what the default policy does with it."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus.judge import Judgement, names
from corpus.requests import Request, attacks, ordinary, specialist
from waf_builder.config.model.target import CRS_4
from waf_builder.version import Version

if TYPE_CHECKING:
    from corpus.conftest import Judged

EXPECTED = Path(__file__).parent / "expected"
ONE_IN = 80
"""At most one ordinary request in so many may be refused, with the Core Rule Set 4."""


def every_request() -> list[Request]:
    return [*ordinary(), *specialist(), *attacks()]


class TestTheCorpus:
    def test_is_as_large_as_promised(self):
        assert len(ordinary()) >= 400
        assert len(attacks()) >= 200

    def test_gives_every_request_a_name_and_a_reason_of_its_own(self):
        requests = every_request()
        assert len({one.name for one in requests}) == len(requests)
        assert all(one.why for one in requests)

    def test_repeats_no_request(self):
        requests = every_request()
        assert len({one.data for one in requests}) == len(requests)

    def test_is_written_as_browsers_write(self):
        (found,) = (one for one in ordinary() if one.name == "laravel-form")
        assert found.line == "POST /posts/12"
        assert found.data.endswith(
            b"\r\n\r\n_token=zK3bq0vQxH1m&_method=PUT&title=Qu%27est-ce+qu%27un+pare-feu+%3F"
            b"&body=C%27est+un+mur%E2%80%A6+ou+presque."
        )
        assert b"\r\nOrigin: https://www.example.com\r\n" in found.data

    def test_names_files_as_browsers_do(self):
        (found,) = (one for one in ordinary() if one.name == "upload-quotes")
        assert b'filename="Compte rendu %22urgent%22.pdf"' in found.data


HOW = "`pytest tests/corpus/test_corpus.py --update-golden` writes it; read the difference"


def judge_unwritten(judged: Judged) -> None:
    """Compare with the nearest version that is written down, where a rule set is not.

    A distribution moves on by itself: what is otherwise is then a warning, which pytest lists at
    its end. Who names a rule set for a run in CI has to write down what it does.
    """
    nearest = nearest_to(judged.version, [file.stem for file in EXPECTED.glob("*.txt")])
    written = (EXPECTED / f"{nearest}.txt").read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        written.splitlines(), judged.ours.text.splitlines(), nearest, "now", lineterm="", n=0
    )
    differs = "\n".join(lines) or f"It does what is written for {nearest}."
    told = f"nothing is written down for CRS {judged.version}. {HOW}.\n{differs}"
    if judged.chosen and os.environ.get("CI"):
        pytest.fail(told)
    warnings.warn(told, stacklevel=2)


def nearest_to(version: str, written: Sequence[str]) -> str:
    """Return the name of the file of the last version before this one, or of the first of all."""
    wanted = Version.parse(version)
    known = sorted((Version.parse(name.removeprefix("crs-")), name) for name in written)
    before = [name for one, name in known if one <= wanted]
    return before[-1] if before else known[0][1]


class TestAVersionThatIsNotWrittenDown:
    WRITTEN = ("crs-3.3.9", "crs-3.3.4", "crs-4.25.1", "crs-4.28.0")

    @pytest.mark.parametrize(
        ("version", "nearest"),
        [
            ("3.3.10", "crs-3.3.9"),
            ("4.27.0", "crs-4.25.1"),
            ("4.30.0", "crs-4.28.0"),
            ("3.2.0", "crs-3.3.4"),
        ],
    )
    def test_is_held_against_the_last_one_before_it(self, version: str, nearest: str):
        assert nearest_to(version, self.WRITTEN) == nearest

    def test_only_warns_of_what_a_distribution_changed(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("CI", "true")
        with pytest.warns(UserWarning, match="nothing is written down") as warned:
            judge_unwritten(unwritten(chosen=False))
        (one,) = warned
        text = str(one.message)
        assert text.startswith("nothing is written down for CRS 4.99.0. `pytest ")
        assert "\n-ordinary requests refused: 5 of 434\n" in text
        assert "\n+ordinary requests refused: 0 of 0\n" in text

    def test_fails_in_ci_where_somebody_chose_it(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="--update-golden"):
            judge_unwritten(unwritten(chosen=True))


def unwritten(*, chosen: bool) -> Judged:
    from corpus.conftest import Judged

    nothing = Judgement((), (), ())
    return Judged("4.99.0", 4, chosen, nothing, nothing, frozenset())


@pytest.mark.nginx
class TestTheDefaultPolicy:
    def test_does_what_is_written_down(self, judged: Judged, update_golden: bool):
        expected = EXPECTED / f"crs-{judged.version}.txt"
        if update_golden:
            expected.write_text(judged.ours.text, encoding="utf-8")
        if expected.exists():
            assert judged.ours.text == expected.read_text(encoding="utf-8")
        else:
            judge_unwritten(judged)

    def test_stops_every_attack_that_the_plain_rule_set_stops(self, judged: Judged):
        passed = names(judged.ours.attacks, blocked=False)
        assert judged.plain & passed == set()

    def test_refuses_few_ordinary_requests(self, judged: Judged):
        if judged.major < CRS_4:
            pytest.skip("promised for the Core Rule Set 4 only; what 3.3 does is written down")
        refused = names(judged.ours.ordinary, blocked=True)
        assert len(refused) * ONE_IN <= len(judged.ours.ordinary), refused


RATIONALE = Path(__file__).parents[2] / "RATIONALE.md"


@pytest.mark.parametrize("file", sorted(EXPECTED.glob("*.txt")), ids=lambda file: file.stem)
def test_every_ordinary_request_that_is_refused_has_its_remedy(file: Path):
    """The table of RATIONALE names each, with the rules and with what heals it."""
    page = RATIONALE.read_text(encoding="utf-8")
    ordinary_part = file.read_text(encoding="utf-8").partition("specialist")[0].splitlines()[1:]
    for line in ordinary_part:
        name = line.split(":")[0].rpartition("/")[2]
        (row,) = (one for one in page.splitlines() if one.startswith(f"| `{name}`"))
        assert all(id_ in row for id_ in line.split(":")[1].split()) or "4.25" not in file.stem


def test_the_figures_of_the_rationale_are_those_that_were_measured():
    page = RATIONALE.read_text(encoding="utf-8")
    for version, row in (("4.25.1", "| 4.25.1, this default policy | 5 | 34 | 17 |"),):
        text = (EXPECTED / f"crs-{version}.txt").read_text(encoding="utf-8")
        counts = [line.split(": ")[1].split()[0] for line in text.splitlines() if " of " in line]
        assert f"| {version}, this default policy | {' | '.join(counts)} |" == row
        assert row in page
