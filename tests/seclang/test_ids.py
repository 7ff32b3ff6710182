from __future__ import annotations

from support.cases import for_each

from waf_builder.problem import Place
from waf_builder.seclang import id_ranges, rule_ids


def test_rule_ids():
    texts = {
        "a.conf": '#SecRule ARGS x "id:1"\nSecRule ARGS "id:2" "phase:1,\\\n  id:\'3\'"\n',
        "b.conf": 'SecAction "msg:\'id:4, id:5\',ID:6"\nSecRule ARGS x "id:3"\nSecMarker 7\n',
    }

    assert rule_ids(texts) == {3: Place("a.conf", 3, 3), 6: Place("b.conf", 1, 29)}


@for_each(
    ("text", "expected"),
    [
        ("1", [range(1, 2)]),
        ("1 5-9", [range(1, 2), range(5, 10)]),
        ("9-5", [range(9, 6)]),
        ("", []),
        ("1,2", None),
        ("1 - 2", None),
        ("x", None),
        ("9" * 5000, None),
    ],
)
def test_id_ranges(text: str, expected: list[range] | None):
    assert id_ranges(text) == expected
