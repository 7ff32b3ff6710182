from __future__ import annotations

import pytest
from doctor_specs import subject_of

from waf_builder.doctor.network import check_network, check_process, check_range
from waf_builder.doctor.result import failed, ok, skipped, warning

APP = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"
OURS = "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"
OTHER = "pn-00000000-d05e-40ea-bf63-c4f8a75a9d8c"
HOST = "backend: {host: 127.0.0.1, port: 3000}"


def private(process: str = "api", network: str = OURS) -> str:
    named = f"process: {process}, " if process else ""
    return f"backend: {{{named}port: 3000, app_id: {APP}, network_id: {network}}}"


def test_a_private_process_is_ok(here):
    assert check_process(subject_of(private()), here()) == ok(
        "backend: process", "api, which only the private network reaches"
    )


@pytest.mark.parametrize(("process", "named"), [("web", "web"), ("tcp", "tcp"), ("", "web")])
def test_a_public_process_can_be_reached_past_the_waf(here, process, named):
    assert check_process(subject_of(private(process)), here()) == warning(
        "backend: process",
        f"{named}, which the internet reaches without the WAF",
        "Serve the app from a process of another name (a line in its Procfile), name that in the\n"
        f"spec, and scale {named} to 0.",
    )


def test_a_process_may_come_from_the_environment(here):
    assert check_process(subject_of(private('"${P}"')), here()) == skipped(
        "backend: process", "a variable is missing"
    )


def test_a_host_has_neither_process_nor_network(here):
    why = "the spec names a host, not an app of the platform"
    subject = subject_of(HOST)
    assert check_process(subject, here()) == skipped("backend: process", why)
    assert check_network(subject, here(CONTAINER="web-1")) == skipped("backend: network", why)
    assert check_range(subject, ["127.0.0.1"]) == skipped("backend: addresses", why)


def test_the_same_network_is_ok(here):
    assert check_network(subject_of(private()), here(SCALINGO_PRIVATE_NETWORK_ID=OURS)) == ok(
        "backend: network", f"{OURS}, which this container is in"
    )


def test_another_network_cannot_be_reached(here):
    assert check_network(subject_of(private()), here(SCALINGO_PRIVATE_NETWORK_ID=OTHER)) == failed(
        "backend: network",
        f"the spec says {OURS}, and this container is in {OTHER}",
        "A container reaches only its own private network. Mend network_id, or leave it out: then\n"
        "it is always the WAF's own.",
    )


def test_a_container_without_a_network_cannot_reach_any(here):
    assert check_network(subject_of(private()), here(CONTAINER="web-1")) == failed(
        "backend: network",
        "SCALINGO_PRIVATE_NETWORK_ID is not set: this app is in no private network",
        "Add the app to the private network of its backend, and restart it.",
    )


def test_elsewhere_there_is_no_network_to_compare_with(here):
    assert check_network(subject_of(private()), here()) == skipped(
        "backend: network",
        "SCALINGO_PRIVATE_NETWORK_ID is not set: this is no container of the platform",
    )


def test_addresses_of_the_private_network_are_ok():
    assert check_range(subject_of(private()), ["10.240.0.1", "10.240.3.254"]) == ok(
        "backend: addresses", "all in 10.240.0.0/22"
    )


def test_other_addresses_are_suspicious():
    assert check_range(subject_of(private()), ["10.240.0.1", "10.240.4.0", "192.0.2.1"]) == warning(
        "backend: addresses",
        "not in 10.240.0.0/22: 10.240.4.0, 192.0.2.1",
        "That is the platform's range for private networks. Are these its name servers?",
    )
