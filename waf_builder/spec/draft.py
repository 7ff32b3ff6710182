"""A first spec, written for somebody who has none yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from waf_builder.errors import WafBuilderError
from waf_builder.spec.yaml import scalar

_DOMAIN = re.compile(
    r"(?:(?P<index>[1-9][0-9]*)\.)?(?:(?P<process>[A-Za-z0-9]+)\.)?"
    r"(?P<app_id>ap-[0-9a-f-]+)\.(?P<network_id>pn-[0-9a-f-]+)\.private-network\.internal\.?"
)


@dataclass(frozen=True)
class Draft:
    """What a first spec says; empty parts are left out."""

    port: str
    process: str = ""
    app_id: str = ""
    network_id: str = ""
    host: str = ""


def draft_text(draft: Draft) -> str:
    """Return a commented spec; whether it is valid is for `spec.load` to say."""
    lines = ["# What stands behind the WAF. `waf-builder validate` checks this file.", "backend:"]
    if draft.host:
        lines.append(f"  host: {scalar(draft.host)}")
    if draft.process:
        lines.append(
            f"  process: {scalar(draft.process)}  # the process type of the backend's Procfile"
        )
    port = draft.port if re.fullmatch("[0-9]+", draft.port) else scalar(draft.port)
    lines.append(f"  port: {port}  # the port it listens on in the private network")
    if draft.app_id:
        lines.append(f"  app_id: {scalar(draft.app_id)}")
    if draft.network_id:
        lines.append(f"  network_id: {scalar(draft.network_id)}")
    lines += [
        "",
        "waf:",
        "  # Start with detect if the app has users already: it logs and refuses nothing.",
        "  mode: block",
    ]
    return "\n".join(lines) + "\n"


def parse_domain(text: str) -> dict[str, str]:
    """Return the parts of a private domain name: index, process, app_id, network_id.

    WafBuilderError when it is none.
    """
    match = _DOMAIN.fullmatch(text.strip())
    if not match:
        raise WafBuilderError(
            f"{text!r} is not a private domain name\n"
            "    It looks like 1.web.ap-<uuid>.pn-<uuid>.private-network.internal."
        )
    return {name: value for name, value in match.groupdict().items() if value}
