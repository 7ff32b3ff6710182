"""When a proposal is tried, and what becomes of one that does not let the request pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from waf_builder.crs.index import index_of
from waf_builder.crs.rules import RuleIndex
from waf_builder.inspect.answer import Answer, Match
from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.library import LibraryError
from waf_builder.inspect.proof import ROUNDS, settled
from waf_builder.inspect.proposal import Proposal, propose
from waf_builder.inspect.request import HttpRequest, from_url
from waf_builder.inspect.routing import Host, Routing

RULE = 'SecRule ARGS|REQUEST_HEADERS "@rx a" "id:{number},phase:2,block,msg:\'m\'{more}"\n'
CHAIN = 'SecRule MATCHED_VARS "@rx b" "t:none"\n'
REQUEST = from_url("http://a.test/x?q=1")
ROUTING = Routing((Host((), (), False, ()),), 0, 5, "/health", False, (), False)


def index(*, chained: bool = False) -> RuleIndex:
    rules = [RULE.format(number=number, more=",chain" if chained else "") for number in (1, 2)]
    return index_of({"rules/a.conf": (CHAIN if chained else "").join([*rules, ""]).encode()})


def said(score: int, *matches: tuple[int, str]) -> Answer:
    found = [Match(rule, "m", target, "", 2, 5, 1, ()) for rule, target in matches]
    return Answer(REQUEST, "/", "block" if score else "pass", 403, score, tuple(found))


@dataclass
class Waf:
    """Says one thing after the other, and then the last one again."""

    answers: Sequence[Answer]
    asked: list[str] = field(default_factory=list)

    def again(self, _request: HttpRequest, first: str) -> Answer:
        self.asked.append(first)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def settle(first: Answer, waf: Waf | None, known: RuleIndex | None = None) -> Proposal:
    proposal = propose(first, ROUTING)
    assert proposal
    return settled(proposal, first, 5, known or index(), waf.again if waf else None)


def test_what_the_score_explains_is_not_asked_again():
    waf = Waf([said(0)])
    settle(said(10, (1, "ARGS:q"), (2, "ARGS:q")), waf)
    assert waf.asked == []


def test_a_score_that_the_matches_do_not_explain_is():
    waf = Waf([said(0)])
    found = settle(said(10, (1, "ARGS:q")), waf)
    assert waf.asked == [
        'SecAction "id:99999,phase:1,pass,nolog,ctl:ruleRemoveTargetById=1;ARGS:q"\n'
    ]
    assert found.opens.endswith("looked for by the other rules only.")


def test_a_rule_of_several_links_is():
    waf = Waf([said(0)])
    settle(said(5, (1, "ARGS:q")), waf, index(chained=True))
    assert len(waf.asked) == 1


def test_a_rule_that_is_off_as_a_whole_is_not():
    waf = Waf([said(0)])
    settle(said(10, (1, "REQUEST_URI")), waf)
    assert waf.asked == []


def test_what_matches_then_is_left_out_too():
    waf = Waf([said(5, (1, "REQUEST_HEADERS:Cookie")), said(0)])
    found = settle(said(10, (1, "ARGS:q")), waf)
    assert [line for line in found.lines if "target" in line] == [
        "    target: ARGS:q",
        "    target: REQUEST_HEADERS:Cookie",
    ]
    assert "ctl:ruleRemoveTargetById=1;REQUEST_HEADERS:Cookie" in waf.asked[1]


def test_a_rule_that_has_to_be_off_is_named_once():
    waf = Waf([said(5, (1, "REQUEST_URI")), said(0)])
    found = settle(said(10, (1, "ARGS:q")), waf)
    assert found.lines[1:3] == ("  - rule: 1", "    path: /x")
    assert "ctl:ruleRemoveById=1" in waf.asked[1]
    assert "ARGS:q" not in waf.asked[1]


def test_more_and_more_matches_end_with_a_plain_word():
    waf = Waf([said(5, (1, f"ARGS:{number}")) for number in range(9)])
    found = settle(said(10, (1, "ARGS:q")), waf)
    assert len(waf.asked) == ROUNDS
    assert "This does not suffice" in found.opens


def test_nothing_new_that_matches_ends_it():
    waf = Waf([said(5, (1, "ARGS:q"))])
    found = settle(said(10, (1, "ARGS:q")), waf)
    assert len(waf.asked) == 1
    assert "This does not suffice" in found.opens


def test_where_nobody_can_be_asked_the_doubt_is_told():
    found = settle(said(10, (1, "ARGS:q")), None)
    assert found.opens.endswith(
        " One of these rules may match elsewhere in the request, too: ask again with this in the"
        " spec."
    )


def test_rules_that_do_not_load_leave_the_doubt():
    class Broken(Waf):
        def again(self, _request: HttpRequest, _first: str) -> Answer:
            raise LibraryError("no")

    assert "may match elsewhere" in settle(said(10, (1, "ARGS:q")), Broken([])).opens


def test_only_who_wants_it_asks_again():
    class Judge(Waf):
        def judge(self, requests):
            return (said(10, (1, "ARGS:q")) for _ in requests)

    judge = Judge([said(0)])
    inspector = Inspector(ROUTING, judge, (), again=judge.again)
    list(inspector.findings([REQUEST]))
    assert judge.asked == []
    list(inspector.findings([REQUEST], asking_again=True))
    assert len(judge.asked) == 1
