"""What is new, in groups, and what a person and a program read of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from traffic import Waf, access, audit, entry, message

from waf_builder.inspect.request import from_url
from waf_builder.inspect.setting import At, Setting
from waf_builder.replay.group import MAX_MATCHES, Judged
from waf_builder.replay.logs import from_logs
from waf_builder.replay.outcome import MAX_GROUPS, Outcome
from waf_builder.replay.read import of_hosts, traffic
from waf_builder.replay.replay import MAX_TRIED, replay
from waf_builder.replay.report import text
from waf_builder.replay.seen import Seen, Skipped

TITLE = "SQL Injection Attack Detected via libinjection"
GOLDEN = Path(__file__).parent / "golden"


def played(*lines: str, waf: Waf | None = None) -> Outcome:
    skipped = Skipped()
    seen = from_logs(enumerate(lines, 1), "waf.log", skipped)
    return replay(waf or Waf(), seen, skipped)


def test_nothing_new():
    outcome = played(access("/a"), audit("/a?q=evil", message(942100)))
    assert (outcome.requests, outcome.as_before, outcome.groups) == (2, 2, {})


def test_the_same_request_is_asked_once():
    waf = Waf()
    outcome = played(*[access("/a")] * 50, access("/b"), *[access("/a")] * 50, waf=waf)
    assert waf.asked == ["GET /a", "GET /b"]
    assert (outcome.requests, outcome.asked, outcome.as_before) == (101, 2, 101)


@pytest.mark.parametrize("kind", [True, False])
def test_each_fate_of_the_same_request_is_counted(kind: bool):
    request = from_url("http://a.test/a?q=evil")
    seen = [Seen(request, "1", refused) for refused in (kind, False, True, False)]
    outcome = replay(Waf(), seen, Skipped())
    assert outcome.found["refused"] == 3 - kind
    assert outcome.as_before == 1 + kind


def test_few_groups_for_many_paths():
    outcome = played(*[access(f"/posts/{n}", query="q=evil") for n in range(100)])
    ((group,),) = [outcome.sorted("refused")]
    assert (group.count, group.path, group.rule) == (100, "/posts/*", 942100)
    assert (group.place, group.example) == ("waf.log:1", "/posts/0")


def test_no_session_stands_in_a_path():
    lines = [access(f"/a;jsessionid=hunter{n}/b", query="q=evil") for n in range(3)]
    outcome = played(*lines)
    ((group,),) = [outcome.sorted("refused")]
    assert (group.count, group.path, group.example) == (3, *["/a;jsessionid=***/b"] * 2)
    assert "hunter" not in text(outcome) + json.dumps(outcome.as_json())


def test_no_more_groups_than_fit_in_memory():
    lines = [access(f"/p{n}x", query="q=evil") for n in range(MAX_GROUPS + 50)]
    groups = played(*lines).groups.values()
    assert len(groups) == MAX_GROUPS + 1
    assert [group.count for group in groups if group.path == "/*"] == [50]


def test_a_group_proposes_what_lets_all_of_it_pass():
    outcome = played(
        access("/posts/1/a", query="title=evil"),
        access("/posts/2/a", query="body=evil"),
        access("/posts/3/a", query="body=evil"),
    )
    (group,) = outcome.sorted("refused")
    assert group.proposal
    assert group.proposal.lines == (
        "exclusions:",
        "  - rule: 942100",
        "    target: ARGS:title",
        "    path: /posts/",
        f'    reason: "why it is no attack; matched: {TITLE}"',
        "  - rule: 942100",
        "    target: ARGS:body",
        "    path: /posts/",
        f'    reason: "why it is no attack; matched: {TITLE}"',
    )


class TestARuleThatMatchesInSeveralPlaces:
    def test_is_asked_again_once_for_requests_that_are_alike(self):
        waf = Waf()
        lines = [access(f"/a/{number}", query="q=evil+everywhere") for number in range(9)]
        (group,) = played(*lines, waf=waf).sorted("refused")
        assert [one for one in waf.asked if "again" in one] == ["again /a/0?q=evil+everywhere"]
        assert group.proposal
        assert [line for line in group.proposal.lines if "target" in line] == [
            "    target: ARGS:q",
            "    target: REQUEST_HEADERS:Referer",
        ]
        assert "elsewhere" not in group.proposal.opens

    def test_is_not_where_nothing_is_new(self):
        waf = Waf()
        played(access("/a", query="q=evil+everywhere", action="block", status=403), waf=waf)
        assert waf.asked == ["GET /a?q=evil+everywhere"]

    def test_of_more_kinds_than_are_tried_leaves_the_doubt(self):
        waf = Waf()
        lines = [access(f"/a{n}", query="q=evil+everywhere") for n in range(MAX_TRIED + 1)]
        groups = played(*lines, waf=waf).sorted("refused")
        assert sum("again" in one for one in waf.asked) == MAX_TRIED
        doubted = [one.proposal.opens for one in groups if one.proposal and one.proposal.doubt]
        assert len(doubted) == 1
        assert doubted[0].endswith(" It may match elsewhere.")


def test_more_matches_than_are_kept_are_told():
    lines = [access("/a", query=f"p{number}=evil") for number in range(MAX_MATCHES + 1)]
    (group,) = played(*lines).sorted("refused")
    assert group.proposal
    assert group.proposal.opens.endswith("replay again with this in the spec, to see what is left.")


def setting(key: str, value: str, at: At = "waf", route: str = "") -> Judged:
    one = Setting(at, route, key, ("GET", value), (value,), 911100)
    if not key.endswith("methods"):
        one = replace(one, value=(value,), added=())
    if at in {"", "route"}:
        return Judged(
            "reject", 413 if key == "max_body" else 405, 0, "", settings=(one,), route=route
        )
    return Judged("block", 403, one.rule, "m", settings=(one,), route=route)


def test_keys_of_the_spec_stand_there_once_with_all_that_is_new():
    outcome = Outcome(Skipped())
    for number, said in enumerate(
        (
            setting("allowed_methods", "PUT"),
            setting("allowed_methods", "REPORT"),
            setting("allowed_methods", "PUT"),
            setting("max_arguments", "900"),
            setting("max_arguments", "2000"),
            setting("methods", "PUT", "route", "/r"),
            setting("max_body", "2m", "", ""),
        )
    ):
        outcome.add(Seen(from_url(f"http://a.test/{number % 2}x"), "1"), said, 1)
    told = text(outcome)
    for block in (
        "in the spec:\n\n    waf:\n      allowed_methods: [GET, PUT, REPORT]\n",
        "      max_arguments: 2000\n\n",
        "at the route /r:\n\n    methods: [GET, PUT]\n\n",
        "in the spec:\n\n    max_body: 2m\n\n",
    ):
        assert block in told, told
    assert {one.as_json()["proposal_at"] for one in outcome.groups.values()} == {"waf", "route", ""}


def test_a_path_that_is_all_numbers_is_every_path():
    (group,) = played(access("/1", query="q=evil")).sorted("refused")
    assert group.proposal
    assert not any("path:" in line for line in group.proposal.lines)
    assert "of every path is then" in group.proposal.opens


def test_odd_paths_have_no_exclusion_of_their_own():
    (group,) = played(access("/posts//x", query="q=evil")).sorted("refused")
    assert group.proposal
    assert not any("path:" in line for line in group.proposal.lines)
    assert "An exclusion for its path would not hold" in group.proposal.opens


def test_odd_paths_among_others_do_not_open_every_path():
    deep = "/a" * 9
    (group,) = played(
        access(f"{deep}/b", query="q=evil"), access(f"{deep}//c", query="q=evil")
    ).sorted("refused")
    assert group.proposal
    assert f"    path: {'/a' * 8}/" in group.proposal.lines
    assert group.proposal.opens.endswith(
        " Not everybody reads the path of 1 of these requests alike, so that an exclusion for a"
        " path does not hold for it."
    )


class TestHonesty:
    def test_a_pass_without_the_reason_says_nothing(self):
        outcome = played(access("/a", action="block", status=403))
        assert (outcome.unexplained, outcome.found["passes"]) == (1, 0)

    def test_a_pass_with_the_reason_does(self):
        outcome = played(audit("/a?q=x", message(942100)))
        ((group,),) = [outcome.sorted("passes")]
        assert (group.rule, group.message, group.proposal) == (942100, "Rule 942100", None)

    def test_a_refusal_for_a_missing_body_says_nothing(self):
        assert played(access("/a", method="PUT")).lacking == 1

    def test_neither_does_one_for_a_missing_host(self):
        outcome = played(audit("/a", message(942100), method="DELETE", status=200))
        assert (outcome.lacking, outcome.found["refused"]) == (1, 0)

    def test_a_refusal_of_what_is_known_in_part_does(self):
        outcome = played(access("/a", method="DELETE"), access("/a", query="q=evil"))
        assert outcome.found["refused"] == 2

    def test_no_answer_is_no_answer(self):
        outcome = played(access("/down"))
        assert (outcome.unanswered, outcome.as_before) == (1, 0)

    def test_what_is_known_in_part_is_counted(self):
        outcome = played(access("/a", query=None), access("/b", query="c="), access("/d"))
        assert (outcome.in_part, outcome.as_before) == (2, 3)


def everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """An outcome with some of all that there is."""
    monkeypatch.chdir(tmp_path)
    lines = [access(f"/posts/{n}/edit", query="content=evil") for n in range(1204)]
    lines += [access("/" + "long-name/" * 12, query="q=evil"), access("/api/7", method="DELETE")]
    lines += [audit("/search?q=x", message(942100)), access("/a\x1b[31mb", query="q=evil")]
    lines += [access("/a", query=None), access("/b", action="block", status=403)]
    lines += [access("/up", method="PUT"), access("/down"), access("/l", action="limit"), "{torn"]
    lines += [access("/", action="reject", method="", status=400), "nginx: hello"]
    Path("yesterday.log").write_text("\n".join(lines))
    entries = [entry("http://a.test/cart?q=evil"), entry("http://a.test/", 0), entry("ftp://x")]
    entries += [entry("http://cdn.test/x.js"), entry("http://fonts.test/"), {}]
    Path("shop.har").write_text(json.dumps({"log": {"entries": entries}}))
    skipped = Skipped()
    seen = traffic(["yesterday.log", "shop.har"], skipped)
    return replay(Waf(), of_hosts(seen, ("a.test", "cdn.test"), skipped), skipped)


@pytest.mark.parametrize("form", ["txt", "json"])
def test_golden(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool):
    outcome = everything(tmp_path, monkeypatch)
    got = text(outcome) if form == "txt" else json.dumps(outcome.as_json(), indent=2)
    file = GOLDEN / f"everything.{form}"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{got}\n")
    assert file.read_text() == f"{got}\n"
    if form == "txt":
        assert max(map(len, got.splitlines())) <= 100
        assert "\x1b" not in got


def test_golden_nothing_new(update_golden: bool):
    got = text(played(access("/a"), access("/a"), access("/b")))
    file = GOLDEN / "nothing-new.txt"
    if update_golden:
        file.write_text(f"{got}\n")
    assert file.read_text() == f"{got}\n"


def test_nothing_of_the_input_commands_a_terminal():
    skipped = Skipped()
    lines = [(1, access("/\x1b[2J", query="q=evil")), (2, "{\x1b[2J")]
    shown = text(replay(Waf(), from_logs(lines, "log\x1b[2J\x9b", skipped), skipped))
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_only_the_largest_groups_are_shown():
    shown = text(played(*[access(f"/p{n}x", query="q=evil") for n in range(40)]))
    assert "         25  in 25 more groups, which --format json shows" in shown


def test_an_exclusion_that_several_groups_need_is_shown_once():
    shown = text(played(access("/posts/1/a", query="q=evil"), access("/posts/2/b", query="q=evil")))
    assert shown.count("GET /posts/*/") == 2
    assert shown.count("- rule: 942100") == 1
    assert shown.count("of /posts/ and below") == 1


def test_every_key_of_the_json_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = (Path(__file__).parents[2] / "docs/compare.md").read_text()
    said = everything(tmp_path, monkeypatch).as_json()
    keys = [*said, *said["not_judged"], *said["groups"][0], *said["groups"][0]["matches"][0]]  # type: ignore[misc,index]
    assert [key for key in keys if f"`{key}`" not in page] == []
