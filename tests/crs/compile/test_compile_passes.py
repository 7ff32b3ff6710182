from __future__ import annotations

import pytest
from crs.compile.rulesets import SETUP, compiled, left, rule, skip, steps_of

END = 'SecMarker "END"\n'
COPY = 'SecAction "id:2,phase:1,pass,nolog,setvar:tx.copy=%{tx.level}"\n'
SKIPPED = skip(10, 2) + rule(20) + END
INTO = skip(10, 2) + 'SecMarker "IN"\n' + rule(20) + END


def test_rules_that_every_request_jumps_over_go_with_the_jump_and_its_marker():
    text, steps = compiled(rule(19) + SKIPPED + rule(21))
    assert text == rule(19) + "\n" * 3 + rule(21)
    assert steps_of(steps) == {10: "empty-jumps", 20: "jumped-over", None: "markers"}
    assert [step.why for step in steps] == [
        "nothing is left to jump over before END",
        "every request jumps over it, by rule 10",
        "no rule jumps to it",
    ]


def test_a_rule_leaves_its_line_breaks():
    before = 'SecRule ARGS "@rx x" \\\n    "id:20,\\\n    phase:2,block"\n'
    text, _ = compiled(skip(10, 2) + before + END + rule(21))
    assert text.splitlines().index(rule(21).strip()) == 5


@pytest.mark.parametrize(
    ("why", "around"),
    [
        ("a route has a higher level", {"route": SETUP.replace("level=1", "level=2")}),
        ("a user's rule sets it", {"after": rule(3, "setvar:tx.level=4")}),
        ("a user's rule adds to it", {"after": rule(3, "setvar:'tx.level=+1'")}),
        ("it is what a rule finds", {"after": rule(3, "setvar:'tx.level=%{MATCHED_VAR}'")}),
        ("a rule sets any variable", {"after": rule(3, "setvar:'tx.%{MATCHED_VAR}=4'")}),
        ("a rule sets any of its kind", {"after": rule(3, "setvar:'TX.le%{ARGS.x}=4'")}),
        ("a user's rule removes it", {"after": rule(3, "setvar:'!tx.level'")}),
        ("it is set too late", {"before": SETUP.replace("phase:1", "phase:2")}),
        ("it is set in some requests", {"before": rule(1, "setvar:tx.level=1", phase=1)}),
        ("a request may be refused before", {"before": rule(3, phase=1) + SETUP}),
        ("a route switches off the jump", {"route": "SecRuleRemoveById 10"}),
        ("a user switches off the jump while running", {"after": rule(3, "ctl:ruleRemoveById=10")}),
        ("a user blinds the jump", {"after": rule(3, "ctl:ruleRemoveTargetById=10;TX:LEVEL")}),
        ("a user blinds the jump before", {"after": 'SecRuleUpdateTargetById 10 "!TX:LEVEL"'}),
        ("the level is set by a rule that may be skipped", {
            "before": rule(3, "skipAfter:'HERE'", phase=1) + SETUP + 'SecMarker "HERE"\n',
        }),
        ("a skip counts the rule that sets it", {"before": rule(3, "skip:1", phase=1) + SETUP}),
    ],
)  # fmt: skip
def test_rules_stay_where(why: str, around: dict[str, str]):
    assert left(SKIPPED + rule(21), **around) == [10, 20, 21]


def test_without_the_jump_the_rules_are_in_force():
    assert left(SKIPPED + rule(21), after="SecRuleRemoveById 5-15") == [20, 21]


def test_a_level_that_nothing_sets_skips_nothing():
    assert left(SKIPPED + rule(21), before="") == [20, 21]


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("another jump lands behind the first", rule(9, "skipAfter:'IN'") + INTO),
        ("the jump is of another phase", skip(10, 2, phase=1) + rule(20) + rule(30, phase=1) + END),
        ("the jump is counted", rule(9, "skip:1") + SKIPPED),
    ],
)  # fmt: skip
def test_rules_stay_where_in_the_rule_set(why: str, text: str):
    assert 20 in left(text)


def test_a_skip_that_never_runs_counts_nothing():
    assert left(skip(10, 2) + rule(9, "skip:1") + rule(20) + END) == []


def test_a_jump_inside_of_another_to_the_same_marker_still_counts():
    text = skip(10, 2) + rule(20) + skip(11, 3) + rule(30) + END
    assert left(text, route='SecAction "id:2,phase:1,pass,nolog,setvar:tx.level=2"') == [10, 20]


def test_a_jump_by_tag_may_be_switched_off_together_with_what_it_skips():
    tagged = skip(10, 2).replace("nolog,", "nolog,tag:all,") + rule(20, "tag:all") + END
    assert left(tagged, after="SecRuleRemoveByTag all") == []
    other = skip(10, 2).replace("nolog,", "nolog,tag:all,") + rule(20, "tag:x") + END
    assert left(other, after="SecRuleRemoveByTag all") == [10, 20]


def test_a_marker_that_a_user_jumps_to_stays():
    text, _ = compiled(SKIPPED, before=SETUP + rule(3, "skipAfter:'END'"))
    assert text == "\n\n" + END


@pytest.mark.parametrize(
    ("condition", "gone"),
    [
        ('TX:LEVEL "@ge 2"', True),
        ('tx:level "@eq 0"', True),
        ('TX:LEVEL "@lt %{tx.other}"', False),
        ('TX:LEVEL "@gt %{tx.other}"', True),
        ('TX:LEVEL "!@eq 1"', True),
        ('TX:LEVEL "@eq 1"', False),
        ('&TX:LEVEL "@eq 0"', True),
        ('&TX:LEVEL "@eq 1"', False),
        ('&TX:NEVER "@eq 1"', True),
        ('&TX:NEVER "@eq 0"', False),
        ('TX:NEVER "@eq 0"', True),
        ('TX:NEVER "!@eq 0"', True),
        ('TX:LEVEL|TX:OTHER "@eq 3"', False),
        ('TX:LEVEL|TX:OTHER "@eq 7"', True),
        ('TX:LEVEL|ARGS "@eq 7"', False),
        ('TX "@eq 7"', False),
        ('TX:/LEVEL/ "@eq 7"', False),
        ('TX:LEVEL "@rx 7"', False),
        ('TX:LEVEL "@eq many"', False),
        ('TX:LEVEL "@eq %{ARGS.x}"', False),
        ('TX:0 "@eq 7"', False),
        ('TX:MSC_PCRE_LIMITS_EXCEEDED "@eq 1"', False),
    ],
)
def test_rules_whose_condition_is_never_true_go(condition: str, *, gone: bool):
    text = f'SecRule {condition} "id:20,phase:2,deny,log"\n' + rule(21)
    assert left(text) == ([21] if gone else [20, 21])


@pytest.mark.parametrize(("before", "gone"), [(SETUP + COPY, True), (COPY + SETUP, False)])
def test_a_copy_of_what_is_not_there_yet_is_an_empty_text(before: str, *, gone: bool):
    """The engine takes an empty text for 0."""
    text = 'SecRule TX:COPY "@eq 0" "id:20,phase:2,deny,log"\n'
    assert left(text, before=before) == ([] if gone else [20])


@pytest.mark.parametrize(
    ("between", "looked_at", "kept"),
    [
        ("", "MATCHED_VARS", True),
        ("", "MATCHED_VARS_NAMES", True),
        ("", "MATCHED_VAR", False),
        (rule(22), "MATCHED_VARS", False),
        (rule(22, phase=1), "MATCHED_VARS", True),
    ],
)
def test_a_rule_that_never_matches_stays_where_it_ends_what_the_next_one_sees(
    between: str, looked_at: str, *, kept: bool
):
    chained = rule(23, "chain") + f'    SecRule {looked_at} "@rx y" "t:none"\n'
    text = rule(19) + 'SecRule TX:LEVEL "@lt 1" "id:20,phase:2,pass,nolog"\n' + between + chained
    assert (20 in left(text)) is kept


def test_a_transformation_is_left_to_the_engine():
    text = 'SecRule TX:LEVEL "@eq 7" "id:20,phase:2,deny,t:length"\n'
    assert left(text) == [20]


def test_a_chain_goes_when_a_later_part_is_never_true_and_the_first_does_nothing():
    chained = '    SecRule TX:LEVEL "@eq 7" "t:none"\n'
    assert left(rule(20, "chain") + chained + rule(21)) == [21]
    assert left(rule(20, "setvar:tx.a=1", "chain") + chained + rule(21)) == [20, 21]
    assert left(rule(20, "capture", "chain") + chained + rule(21)) == [20, 21]


def test_a_default_that_is_always_given_is_not_asked_for():
    asked = 'SecRule &TX:level "@eq 0" "id:20,phase:1,pass,nolog,setvar:tx.level=9"\n'
    assert left(asked + SKIPPED + rule(21)) == [21]
    assert left(asked + rule(21), before="") == [20, 21]


def test_a_value_may_come_from_a_rule_whose_guard_every_other_rule_honours():
    setup = 'SecRule &TX:mine "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.level=1"\n'
    route = 'SecAction "id:2,phase:1,pass,nolog,setvar:tx.mine=1,setvar:tx.level={}"\n'
    assert left(SKIPPED + rule(21), before=setup, route=route.format(1)) == [21]
    assert left(SKIPPED + rule(21), before=setup, route=route.format(2)) == [10, 20, 21]
    forgets = route.replace(",setvar:tx.level={}", "")
    assert left(SKIPPED + rule(21), before=setup, route=forgets) == [10, 20, 21]


def test_a_jump_that_logs_stays():
    loud = skip(10, 2).replace("nolog", "log")
    assert left(loud + rule(20) + END) == [10]


def test_phase_4_goes_where_no_response_body_is_inspected():
    text = rule(20, phase=3) + rule(21, phase=4) + rule(22, phase=5)
    assert left(text, before="SecResponseBodyAccess Off\n") == [20, 22]
    assert left(text, route="SecResponseBodyAccess On\n") == [20, 21, 22]


ALWAYS = 'SecAction "id:10,phase:2,pass,nolog,ctl:ruleRemoveTargetByTag=x;XML://@*"\n'


def test_an_exclusion_that_holds_for_every_request_is_written_into_the_rules():
    listed = rule(20, "tag:x", variables="ARGS|XML:/*|XML://@*")
    other = rule(21, "tag:y", variables="ARGS|XML://@*")
    only = rule(22, "tag:x", variables="XML://@*")
    text, steps = compiled(ALWAYS + listed + other + only)
    assert text == "\n" + rule(20, "tag:x", variables="ARGS|XML:/*") + other + "\n"
    assert steps_of(steps) == dict.fromkeys((10, 20, 22), "constant-exclusions")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (ALWAYS.replace("nolog", "log"), ""),
        (ALWAYS.replace("XML://@*", "ARGS:a"), ""),
        (ALWAYS.replace("nolog,", "nolog,setvar:tx.a=1,"), ""),
        (ALWAYS, rule(30, "tag:x", variables="XML://@*")),
        (ALWAYS, rule(31, "ctl:ruleRemoveById=10", phase=1)),
        ('SecRule ARGS "@rx y" ' + ALWAYS.partition(" ")[2], ""),
    ],
)
def test_an_exclusion_stays_where_it_is_not_the_same(text: str, after: str):
    listed = rule(20, "tag:x", variables="ARGS:a|XML://@*")
    assert compiled(text + listed, after=after)[0] == text + listed


def test_rules_before_the_exclusion_keep_their_variables():
    earlier = rule(9, "tag:x", variables="XML://@*") + rule(
        20, "tag:x", phase=1, variables="XML://@*"
    )
    assert compiled(earlier + ALWAYS)[0] == earlier + "\n"


def update(target: str, number: int = 20) -> str:
    return f'SecRuleUpdateTargetById {number} "{target}"\n'


@pytest.mark.parametrize(
    ("variables", "target", "written"),
    [
        ("ARGS", "!ARGS:a", r"ARGS|!ARGS:/\A(?-i:a)\z/"),
        ("ARGS|ARGS_NAMES", "!ARGS:a.b", r"ARGS|ARGS_NAMES|!ARGS:/\A(?-i:a\.b)\z/"),
        ("ARGS|ARGS_NAMES", "!ARGS:/^a/", "ARGS|ARGS_NAMES|!ARGS:/^a/|!ARGS_NAMES:/^a/"),
        ("ARGS|REQUEST_HEADERS:Range", "!ARGS:/^a/", "ARGS|REQUEST_HEADERS:Range|!ARGS:/^a/"),
        ("REQUEST_FILENAME", "!ARGS:/^a/", "REQUEST_FILENAME"),
        ("REQUEST_FILENAME|XML:/*", "!ARGS:a", "REQUEST_FILENAME|XML:/*"),
        # What a list cannot say stays a directive.
        ("REQUEST_HEADERS:Range", "!ARGS:/^range/", None),
        ("REQUEST_FILENAME", "!ARGS:/^request/", None),
        ("ARGS", "!ARGS", None),
        ("ARGS", "!ARGS:/a{2}/", None),
        ("ARGS", "REQUEST_HEADERS", None),
        ("ARGS|FILES", "!ARGS:/^a/", None),
    ],
)
def test_an_update_of_targets_is_written_into_the_rule(
    variables: str, target: str, written: str | None
):
    text, _ = compiled(rule(20, variables=variables) + update(target))
    if written is None:
        assert text == rule(20, variables=variables) + update(target)
    else:
        assert text == rule(20, variables=written) + "\n"


def test_updates_of_rules_that_are_not_loaded_go():
    assert compiled(update("!ARGS:a") + rule(21))[0] == "\n" + rule(21)


def test_a_user_s_own_update_stays_where_it_is():
    assert compiled(rule(20), after=update("!ARGS:a"))[0] == rule(20)


FILE_NAMES = (
    'SecRule REQUEST_FILENAME "!@validateByteRange 20, 45-47, 48-57, 65-90, 95, 97-122" '
    '"id:941010,phase:1,pass,t:none,nolog,ctl:ruleRemoveTargetByTag=xss-perf-disable;REQUEST_FILENAME"\n'
)  # fmt: skip


def xss(number: int, operator: str, variables: str = "REQUEST_FILENAME") -> str:
    text = rule(number, "tag:xss-perf-disable", "t:none", "t:urlDecodeUni", variables=variables)
    return text.replace("@rx x", operator)


def test_the_exclusion_of_file_names_names_the_rules_that_could_match_one():
    rules = (
        xss(20, "@rx <script")
        + xss(21, "@rx (?:<a|xhtml)")
        + xss(22, "@pm a b")
        + xss(23, "@rx a", "ARGS")
    )
    text, _ = compiled(FILE_NAMES + rules)
    named = ",".join(f"ctl:ruleRemoveTargetById={number};REQUEST_FILENAME" for number in (21, 22))
    tag = "ctl:ruleRemoveTargetByTag=xss-perf-disable;REQUEST_FILENAME"
    assert text == FILE_NAMES.replace(tag, named) + rules


@pytest.mark.parametrize(
    ("old", "new"), [("48-57", "48-58"), ("phase:1", "phase:2"), ("nolog", "log"), ("!@", "@")]
)
def test_another_exclusion_of_file_names_stays(old: str, new: str):
    text = FILE_NAMES.replace(old, new) + xss(20, "@rx <script")
    assert compiled(text)[0] == text


@pytest.mark.parametrize("numbers", ["20", "1 20", "10-30"])
def test_rules_that_are_switched_off_for_every_request_go(numbers: str):
    text = rule(20) + rule(31)
    off = f"SecRuleRemoveById {numbers}\n"
    for around in ({"before": off}, {"after": off}):
        assert left(text, **around) == [31]
    assert left(text, route=off) == [20, 31]
    _, steps = compiled(text, after=off)
    assert [step.why for step in steps] == ["after.conf switches it off"]


def test_a_rule_that_is_counted_stays_though_it_is_switched_off():
    text = rule(9, "skip:1") + rule(20) + rule(31)
    assert left(text, after="SecRuleRemoveById 20") == [9, 20, 31]


def test_rules_that_are_switched_off_while_running_stay():
    assert left(rule(20), after=rule(3, "ctl:ruleRemoveById=20", phase=1)) == [20]
    assert left(rule(20), after="SecRuleRemoveByTag x") == [20]


def test_steps_can_be_chosen():
    assert compiled(SKIPPED, names=())[0] == SKIPPED
    assert compiled(SKIPPED, names=("jumped-over",))[0] == skip(10, 2) + "\n" + END
