from __future__ import annotations

import pytest
from crs.compile.rulesets import screened

TAG = "tag:'OWASP_CRS'"
LARGE = "(?:b){2,3}" + "c" * 3000
"""It repeats a part, so that it is joined with no other expression."""


def one(number: int, operator: str, *actions: str, of: str = "ARGS") -> str:
    listed = ",".join([f"id:{number}", "phase:2", "block", "t:none", TAG, *actions])
    return f'\nSecRule {of} "{operator}" "{listed}"\n\n'


THREE = one(10, "@rx a") + one(11, f"@rx {LARGE}") + one(12, "@rx d")
GAP = '\n\n\nSecRule ARGS "'


def test_a_large_rule_with_a_screen_of_its_own_is_asked_at_its_place():
    text, screens = screened(THREE)
    numbered = [line.partition("id:")[2] for line in text.splitlines() if "id:" in line]
    order = [line.partition(",")[0] for line in numbered]
    assert order == ["90799", "10", "11", "90796", "90795", "12"]
    assert text.index('SecMarker "END-WAF-SCREENED-0"') < text.index("id:11")
    assert "ccc" not in screens
    assert "(?:a)|(?:d)" in screens


def test_so_is_a_large_list_of_words():
    words = "\n".join(f"{number}{'x' * 40}" for number in range(100, 200))
    text, screens = screened(
        one(10, "@rx a") + one(11, "@pmFromFile words.data", "t:cmdLine"), words=words
    )
    assert text.index('END-WAF-SCREENED-0"\n') < text.index("id:11")
    assert "xxx" not in screens


FIRST = """\
SecRule &TX:waf_needed_1 "@eq 0" "id:2,phase:2,pass,nolog,ctl:ruleRemoveById=11"
SecAction "id:90399,phase:2,pass,nolog"
"""


@pytest.mark.parametrize("sign", ["b", "<"])
def test_so_is_one_that_a_correction_may_leave_out_in_any_request(sign: str):
    """It costs nothing then, so that plain texts may be asked, too."""
    text, screens = screened(THREE.replace("(?:b)", f"(?:{sign})"), corrections=FIRST)
    assert text.count("SecMarker") == 2
    assert "ccc" not in screens
    assert "waf_no_corrections=1" in screens


@pytest.mark.parametrize(
    ("why", "text", "around"),
    [
        ("it is small", THREE.replace("c" * 3000, "c" * 2900), {}),
        ("its screen stands for another one, too", THREE.replace(LARGE, "c" * 3000), {}),
        ("plain texts are asked less", THREE.replace("(?:b)", "(?:<)"), {}),
        ("a correction may leave it out", THREE, {
            "corrections": (
                'SecAction "id:90399,phase:2,pass,nolog"\n'
                'SecRule ARGS "@rx x" "id:1,phase:2,pass,nolog,ctl:ruleRemoveById=11"\n'
            ),
        }),
        ("the next one would see what matched before it", one(10, "@rx a") + one(11, f"@rx {LARGE}")
            + one(12, "@rx d", "chain").rstrip() + '\n  SecRule MATCHED_VARS "@rx e" "t:none"\n\n'
        , {}),
        ("there is no room behind it", THREE.replace(GAP + "@rx d", GAP[2:] + "@rx d"), {}),
        ("there is no room before it", THREE.replace(GAP + "@rx (", GAP[2:] + "@rx ("), {}),
    ],
)  # fmt: skip
def test_others_have_a_screen(why: str, text: str, around: dict[str, str]):
    assert text != THREE or around, why
    written, _ = screened(text, **around)
    assert written.count("SecMarker") == 1
