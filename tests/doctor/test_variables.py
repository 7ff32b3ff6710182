from __future__ import annotations

from doctor_specs import subject_of

from waf_builder.config.model import BasicAuth
from waf_builder.doctor.result import failed, ok
from waf_builder.doctor.variables import check_variables

ID = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"
UUID = "00000000-0000-4000-8000-000000000000"
NETWORK = {"SCALINGO_PRIVATE_NETWORK_ID": "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"}
SPEC = """\
backend:
  process: api${SUFFIX:-1}
  port: 3000
  app_id: ${API_APP_ID}
"""


def check(**environ: str):
    return check_variables(subject_of(SPEC).backend.fields, (), environ)


def test_none_are_needed():
    assert check_variables([], [], {}) == ok("variables", "the spec needs none at boot")


def test_names_those_that_are_there_and_no_value():
    assert check(API_APP_ID=ID, **NETWORK) == ok(
        "variables", "SUFFIX (its default), API_APP_ID, SCALINGO_PRIVATE_NETWORK_ID"
    )


def test_names_what_is_missing():
    assert check(API_APP_ID="") == failed(
        "variables",
        "API_APP_ID is not set; SCALINGO_PRIVATE_NETWORK_ID is not set",
        "start-waf stops here.\n"
        f"backend.app_id is ${{API_APP_ID}}, expected one such as ap-{UUID}.\n"
        f"backend.network_id is ${{SCALINGO_PRIVATE_NETWORK_ID}}, expected one such as pn-{UUID}.",
    )


def test_never_shows_a_value_that_does_not_fit():
    """It may be a secret that was pasted into the wrong field."""
    result = check(API_APP_ID="hunter2\n\x1b", **NETWORK)
    assert result == failed(
        "variables",
        "API_APP_ID is set, but its 9 characters do not fit",
        "start-waf stops here.\n"
        f"backend.app_id is ${{API_APP_ID}}, expected one such as ap-{UUID}.",
    )


def test_what_stands_around_a_variable_belongs_to_the_value():
    assert check(API_APP_ID=ID, SUFFIX="x" * 30, **NETWORK).seen == (
        "SUFFIX is set, but its 30 characters do not fit"
    )


def test_fills_in_the_address():
    subject = subject_of(SPEC, API_APP_ID=ID, SUFFIX="2", **NETWORK)
    network = NETWORK["SCALINGO_PRIVATE_NETWORK_ID"]
    assert subject.address == (f"api2.{ID}.{network}.private-network.internal", 3000)
    assert (subject.process, subject.network_id) == ("api2", network)
    assert subject_of(SPEC, **NETWORK).address is None


PASSWORD = BasicAuth("runtime/password-1", "me", "WAF_PASSWORD", "basic_auth")


def test_a_password_has_to_be_set_and_is_not_shown():
    assert check_variables([], [PASSWORD], {"WAF_PASSWORD": "secret"}) == ok(
        "variables", "WAF_PASSWORD"
    )
    missing = check_variables([], [PASSWORD], {})
    assert missing.seen == "WAF_PASSWORD is not set"
    assert "WAF_PASSWORD holds the password of basic_auth." in missing.hint
