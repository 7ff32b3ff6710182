"""Where a backend stands: in which private network, and whether it is reachable without the WAF."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from waf_builder.doctor.here import Here
from waf_builder.doctor.result import Result, failed, ok, printable, skipped, warning
from waf_builder.doctor.subject import Subject
from waf_builder.spec.address import DEFAULT_PROCESS
from waf_builder.spec.validate.backends import PUBLIC_PROCESSES

OWN_NETWORK = "SCALINGO_PRIVATE_NETWORK_ID"
RANGE = ipaddress.ip_network("10.240.0.0/22")
"""https://doc.scalingo.com/platform/networking/private/overview"""
_NAMES_A_HOST = "the spec names a host, not an app of the platform"
_SEE_VARIABLES = "a variable is missing"


def check_process(subject: Subject, _here: Here) -> Result:
    """Return whether the backend's process can be reached past the WAF."""
    check = f"{subject.label}: process"
    if not subject.private:
        return skipped(check, _NAMES_A_HOST)
    if subject.written.process is not None and subject.process is None:
        return skipped(check, _SEE_VARIABLES)
    process = subject.process or DEFAULT_PROCESS
    if process not in PUBLIC_PROCESSES:
        return ok(check, f"{process}, which only the private network reaches")
    return warning(
        check,
        f"{process}, which the internet reaches without the WAF",
        "Serve the app from a process of another name (a line in its Procfile), name that in the\n"
        f"spec, and scale {process} to 0.",
    )


def check_network(subject: Subject, here: Here) -> Result:
    """Return whether the backend's private network is the one that this container is in."""
    check = f"{subject.label}: network"
    own = here.environ.get(OWN_NETWORK, "")
    if not subject.private:
        return skipped(check, _NAMES_A_HOST)
    if not own and here.container:
        return failed(
            check,
            f"{OWN_NETWORK} is not set: this app is in no private network",
            "Add the app to the private network of its backend, and restart it.",
        )
    if not own:
        return skipped(check, f"{OWN_NETWORK} is not set: this is no container of the platform")
    if subject.network_id is None:
        return skipped(check, _SEE_VARIABLES)
    if subject.network_id == own:
        return ok(check, f"{own}, which this container is in")
    return failed(
        check,
        f"the spec says {subject.network_id}, and this container is in {printable(own)}",
        "A container reaches only its own private network. Mend network_id, or leave it out: then\n"
        "it is always the WAF's own.",
    )


def check_range(subject: Subject, addresses: Sequence[str]) -> Result:
    """Return whether the addresses are of the private network."""
    check = f"{subject.label}: addresses"
    if not subject.private:
        return skipped(check, _NAMES_A_HOST)
    outside = [one for one in addresses if ipaddress.ip_address(one) not in RANGE]
    if not outside:
        return ok(check, f"all in {RANGE}")
    return warning(
        check,
        f"not in {RANGE}: {', '.join(outside[:4])}",
        "That is the platform's range for private networks. Are these its name servers?",
    )
