"""The log: which lines, and how much of a client and of a query is in them."""

from __future__ import annotations

from typing import Literal

from waf_builder.config.model import Logs, Masked
from waf_builder.spec import model as spec

PARAMETERS = 16
"""How many parameters of a query are named; nginx has no loops."""
_NAME = r"[A-Za-z_](?:[A-Za-z0-9_.:\[\]-]|%5[BbDd]){0,39}"
"""A parameter's name. One with other characters, or a longer one, might be somebody's secret."""

WHOLE_QUERY = Masked(r"^[^?]*[?](?<query>[!-~]*)", "$query")
"""Up to the first byte that no URI can hold: it might be no text, and the line no JSON."""

_CLIENT_IP: dict[str, Literal["", "$remote_addr", "$log_network"]] = {
    "full": "$remote_addr",
    "truncated": "$log_network",
    "off": "",
}


def build_logs(logs: spec.Logs) -> Logs:
    """Return what the log holds."""
    sampled = logs.access == "all" and logs.sample < 1
    queries = {"off": None, "masked": masked_query(), "full": WHOLE_QUERY}
    return Logs(
        access=logs.access,
        share=f"{round(logs.sample * 100, 2):g}%" if sampled else "",
        client_ip=_CLIENT_IP[logs.client_ip],
        query=queries[logs.query],
        messages="warn" if logs.client_ip == "full" else "crit",
    )


def masked_query() -> Masked:
    """Return what shows the names of a query's first parameters, and nothing else of it.

    A name counts only before a `=` that a value follows: what stands alone may be a value itself,
    and so may base64, which ends with `=`.
    """
    names = [f"parameter_{number}" for number in range(1, PARAMETERS + 1)]
    first, *others = names
    parts = [rf"^[^?]*[?](?:(?<{first}>{_NAME}=)(?=[^&=])|)[^&]*"]
    parts += [rf"(?:(?:(?<{name}>&{_NAME}=)(?=[^&=])|&)[^&]*)?" for name in others]
    return Masked("".join(parts), "".join(f"${name}" for name in names))
