"""The spec that is inspected: the user's, with everything out of the way but routes and rules."""

from __future__ import annotations

from waf_builder.spec.model import ClientIp, Logs, Spec
from waf_builder.spec.ungated import without_gates


def for_inspection(spec: Spec) -> Spec:
    """Return the spec with open gates, one worker and whole logs, believing loopback."""
    trusted = ("127.0.0.1/32", *spec.client_ip.trusted)
    return without_gates(spec).model_copy(
        update={
            "workers": 1,
            "logs": Logs(),
            "client_ip": ClientIp(trusted=trusted),
        }
    )
