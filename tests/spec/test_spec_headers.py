"""Headers that are the WAF's own, and those that a spec may change."""

import re

import pytest
from specs import SMALLEST, codes_of, tree_of

from waf_builder.spec.clientheaders import CLIENT_ADDRESS


def changing(change: str, name: str) -> str:
    value = f"{{{name}: one}}" if change == "set" else f"[{name}]"
    return f"{SMALLEST}headers: {{request: {{{change}: {value}}}}}\n"


def written_names() -> list[str]:
    return sorted(set(re.findall(r"proxy_set_header (\S+) ", tree_of(SMALLEST)["nginx.conf"])))


@pytest.mark.parametrize("change", ["set", "remove"])
def test_what_the_waf_writes_or_removes_is_not_for_a_spec_to_change(change: str):
    names = written_names()
    assert {*CLIENT_ADDRESS, "X-Forwarded-For", "X-Host", "Forwarded"} <= {*names}
    for name in [*names, *map(str.upper, names)]:
        assert codes_of(changing(change, name)) == ["spec.header-refused"], name


@pytest.mark.parametrize("change", ["set", "remove"])
@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Remote-User", "X-Tenant"])
def test_who_a_user_is_may_be_set_and_removed(change: str, name: str):
    assert codes_of(changing(change, name)) == []
    value = '"one"' if change == "set" else '""'
    assert f"proxy_set_header {name} {value};" in tree_of(changing(change, name))["nginx.conf"]
