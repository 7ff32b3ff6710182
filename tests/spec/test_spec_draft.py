"""A first spec, and the names of the platform that it can be read from."""

from __future__ import annotations

import pytest
from specs import APP_ID, NETWORK_ID, problems_of, spec_of
from support.cases import for_each

from waf_builder.errors import WafBuilderError
from waf_builder.spec.draft import Draft, draft_text, parse_domain
from waf_builder.spec.environment import Deferred


@pytest.mark.parametrize(
    "draft",
    [
        Draft("3000", "api", APP_ID),
        Draft("3000", "api", APP_ID, NETWORK_ID),
        Draft("3000", host="backend.internal"),
        Draft("3000", host="127.0.0.1"),
    ],
)
def test_a_draft_is_a_spec_without_a_problem(draft: Draft):
    text = draft_text(draft)

    assert problems_of(text) == []
    backend = spec_of(text).backend
    assert backend.port == 3000
    assert (backend.host or "") == draft.host
    assert (backend.app_id or "") == draft.app_id
    assert (backend.process or "") == draft.process
    assert ("network_id" in backend.model_fields_set) == bool(draft.network_id)


@for_each(
    ("field", "code"),
    [("port", "spec.port-range"), ("app_id", "spec.app-id"), ("network_id", "spec.network-id")],
)
@pytest.mark.parametrize("more", ["\nlogs: {query: full}", " # x", ", b", "\r  retries: 0"])
def test_a_part_of_a_draft_is_one_value(field: str, code: str, more: str):
    parts = {"port": "3000", "app_id": APP_ID, "network_id": NETWORK_ID}
    text = draft_text(Draft(**{**parts, "process": "api", field: parts[field] + more}))

    assert [one.code for one in problems_of(text)] == [code]


def test_a_part_of_a_draft_may_be_a_variable():
    text = draft_text(Draft("${P}", "${Q:-api}", "${A}", "${N}"))

    assert spec_of(text).backend.port == Deferred("P")


SUFFIX = f"{APP_ID}.{NETWORK_ID}.private-network.internal"


@pytest.mark.parametrize(
    ("domain", "parts"),
    [
        (f"1.api.{SUFFIX}.", {"index": "1", "process": "api"}),
        (f"12.api.{SUFFIX}", {"index": "12", "process": "api"}),
        (f"api.{SUFFIX}.", {"process": "api"}),
        (f"{SUFFIX}.", {}),
        (f"  api.{SUFFIX}\n", {"process": "api"}),
    ],
)
def test_a_private_domain_name(domain: str, parts: dict[str, str]):
    assert parse_domain(domain) == {**parts, "app_id": APP_ID, "network_id": NETWORK_ID}


@pytest.mark.parametrize(
    "domain",
    ["", "example.com", f"http://{SUFFIX}", f"{SUFFIX}:3000", f"a.b.{SUFFIX}", f"0.api.{SUFFIX}"],
)
def test_any_other_name(domain: str):
    with pytest.raises(WafBuilderError) as caught:
        parse_domain(domain)

    assert str(caught.value) == (
        f"{domain!r} is not a private domain name\n"
        "    It looks like 1.web.ap-<uuid>.pn-<uuid>.private-network.internal."
    )
