"""Which verdicts change: on WAFs that are none, and on real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from waf_builder import cli
from waf_builder.diff.compare import Diff
from waf_builder.diff.report import SHOWN, text
from waf_builder.diff.sides import Side
from waf_builder.diff.verdicts import Verdicts, compare_verdicts
from waf_builder.inspect.answer import Answer, Match, Verdict
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest, from_url
from waf_builder.lock.model import lock_of
from waf_builder.lock.write import lock_text

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

STATUS: dict[Verdict, int] = {"pass": 200, "detect": 200, "block": 403, "reject": 405, "error": 0}
SPEC = "backend: {host: site.internal, port: 3000}\n"
ORDINARY = "/a?q=hello"
PARANOID = "/a?q=it's%20--%20here"
ATTACK = "/a?q=1%20UNION%20SELECT%20password%20FROM%20users"


class Waf:
    """Says the same to each request."""

    def __init__(self, verdict: Verdict, *rules: int) -> None:
        self.verdict = verdict
        self.matches = tuple(Match(rule, "", "ARGS:q", "", 2, 5, 1, ()) for rule in rules)

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        for request in requests:
            status = STATUS[self.verdict]
            answer = Answer(request, "/", self.verdict, status, 5, self.matches)
            yield Finding(answer, 5, None)


def compared(old: Waf, new: Waf, count: int = 1) -> Verdicts:
    return compare_verdicts(old, new, (from_url(f"/{number}\x1b") for number in range(count)))


def shown(verdicts: Verdicts) -> str:
    side = Side(Path("x.yaml"), "spec")
    return text(Diff(side, side, (None, None), (), None, None, verdicts, ()))


def test_the_same_verdict_for_the_same_rules():
    found = compared(Waf("block", 1), Waf("block", 1), 3)
    assert (found.asked, found.changed, found.other_rules, found.differs) == (3, (), 0, False)


def test_the_same_verdict_for_other_rules_is_no_difference():
    found = compared(Waf("block", 1, 2), Waf("block", 1), 3)
    assert (found.other_rules, found.differs) == (3, False)


def test_another_verdict():
    found = compared(Waf("pass"), Waf("block", 942100), 2)
    assert found.differs
    assert found.changed[0].as_json() == {
        "request": r"/0\x1b",
        "method": "GET",
        "target": "/0%1B",
        "old": {"verdict": "pass", "status": 200, "score": 5, "rules": []},
        "new": {"verdict": "block", "status": 403, "score": 5, "rules": [942100]},
    }
    assert shown(found) == (
        "x.yaml -> x.yaml\n"
        "\n"
        "2 requests asked of both\n"
        "\n"
        "          2  have another verdict\n"
        "          0  have the same one, for other rules\n"
        "\n"
        "    pass -> block   GET /0%1B\n"
        "                    942100\n"
        "    pass -> block   GET /1%1B\n"
        "                    942100"
    )


def test_what_no_longer_refuses_it_is_named():
    assert shown(compared(Waf("block", 942100), Waf("pass"))).endswith(
        "   block -> pass    GET /0%1B\n                    942100"
    )


def test_only_some_are_shown():
    told = shown(compared(Waf("pass"), Waf("reject"), SHOWN + 7))
    assert told.endswith("\n  and 7 more, which --format json shows")


@pytest.mark.nginx
class TestRealOnes:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        Path("old.yaml").write_text(SPEC)
        Path("new.yaml").write_text(f"{SPEC}waf: {{paranoia_level: 2}}\n")
        return tmp_path

    def ask(self, *arguments: str, status: int, engine: Engine | str):
        named = engine if isinstance(engine, str) else str(engine.root)
        command = ["diff", *arguments, "--engine", named, "--format", "json"]
        for request in (ORDINARY, PARANOID, ATTACK):
            command += ["--requests", request]
        run = CliRunner().invoke(cli.main, command, catch_exceptions=False)
        assert run.exit_code == status, run.output
        return json.loads(run.stdout)

    @pytest.mark.parametrize("judge", ["library", "nginx"])
    def test_two_specs(self, engine: Engine, judge: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine.root))
        found = self.ask("old.yaml", "new.yaml", status=3, engine=judge)
        ((one,),) = [found["verdicts"]["changed"]]
        assert (found["verdicts"]["asked"], one["request"]) == (3, PARANOID)
        assert (one["old"]["verdict"], one["new"]["verdict"]) == ("pass", "block")
        begin = set(found["policy"]["routes"][0]["begin_to_refuse"])
        assert set(one["new"]["rules"]) <= begin
        assert found["policy"]["routes"][0]["no_longer_refuse"] == []

    def test_tests_are_requests_too(self, engine_new: Engine):
        Path("tests").mkdir()
        Path("tests/search.yaml").write_text(
            f"pass: ['{ORDINARY}']\nblock: [{{request: \"{PARANOID}\"}}]\n"
        )
        command = ["diff", "old.yaml", "new.yaml", "--requests", "tests", "--format", "json"]
        command += ["--engine", "library", "--crs", str(engine_new.crs.folder)]
        run = CliRunner().invoke(cli.main, command, catch_exceptions=False)
        assert run.exit_code == 3, run.output
        found = json.loads(run.stdout)["verdicts"]
        assert (found["asked"], len(found["changed"])) == (2, 1)

    def test_the_same_spec(self, engine: Engine):
        found = self.ask("old.yaml", "old.yaml", status=0, engine=engine)
        assert found["verdicts"] == {"asked": 3, "changed": [], "other_rules": 0}

    def test_two_folders_are_asked_with_all_defaults(self, engine_old: Engine, engine_new: Engine):
        assert engine_old.crs
        assert engine_new.crs
        folders = [str(one.crs.folder) for one in (engine_old, engine_new)]
        found = self.ask(*folders, status=3, engine=engine_new)
        assert found["verdicts"]["asked"] == 3
        assert found["verdicts"]["changed"] == []
        assert len(found["rules"]["changed"]) > 10

    def test_two_locks_are_asked_with_the_spec_beside(self, engine: Engine):
        assert engine.crs
        for name, spec in (("a", "old.yaml"), ("b", "new.yaml")):
            Path(name).mkdir()
            Path(name, "backend.yaml").write_text(Path(spec).read_text())
            lock = lock_of(engine, engine.crs, "0.1.0")
            Path(name, "waf.lock").write_text(lock_text(lock, "backend.yaml"))
        found = self.ask("a/waf.lock", "b/waf.lock", status=3, engine=engine)
        assert (found["locked"], found["rules"]) == ([], None)
        assert [one["request"] for one in found["verdicts"]["changed"]] == [PARANOID]
