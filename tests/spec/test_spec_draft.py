"""A first spec, and the names of the platform that it can be read from."""

from __future__ import annotations

import pytest
from specs import APP_ID, NETWORK_ID, problems_of, spec_of

from waf_builder.errors import WafBuilderError
from waf_builder.spec.draft import Draft, draft_text, parse_domain


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
