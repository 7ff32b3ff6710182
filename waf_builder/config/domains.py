"""The names that the platform gives to containers of a private network.

https://doc.scalingo.com/platform/networking/private/concepts
"""

from __future__ import annotations

from waf_builder.spec.address import DEFAULT_PROCESS
from waf_builder.spec.model import Backend

SUFFIX = "private-network.internal"


def private_domain(
    app_id: str, network_id: str, process: str = "", index: int | None = None
) -> str:
    """Return a private domain name, without the trailing dot that the platform's pages print.

    The dot would end up in Host headers and in the name that TLS checks.
    """
    parts = [str(index) if index else "", process, app_id, network_id, SUFFIX]
    return ".".join(part for part in parts if part)


def all_forms(backend: Backend) -> list[tuple[str, str]]:
    """Return each form of a backend's name with what it stands for; `host` has only itself."""
    if backend.host is not None:
        return [(str(backend.host), "the host as the spec has it")]
    app_id, network_id = str(backend.app_id), str(backend.network_id)
    process = str(backend.process or DEFAULT_PROCESS)
    index = backend.index or 1
    forms = [
        (private_domain(app_id, network_id, process), f"every container of {process}"),
        (private_domain(app_id, network_id, process, index), f"container {index} of {process}"),
        (private_domain(app_id, network_id), f"every container of {DEFAULT_PROCESS}"),
        (private_domain(app_id, network_id, "", index), f"container {index} of {DEFAULT_PROCESS}"),
    ]
    used = 2 if backend.process is None else 1 if backend.index else 0
    return [
        (name, f"{meaning}  <- the WAF uses this" if number == used else meaning)
        for number, (name, meaning) in enumerate(forms)
    ]
