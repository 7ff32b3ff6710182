"""The rules that make the Core Rule Set work at all: without them nothing is blocked or logged."""

from __future__ import annotations

VITAL = tuple(range(first, first + 1000) for first in (901_000, 949_000, 959_000, 980_000))
"""It sets up (901), sums up and blocks (949, 959), and logs the sum (980)."""

VITAL_TAGS = frozenset({"owasp_crs", "anomaly-evaluation"})
"""Tags of such rules, in small letters."""


def is_vital(ids: range) -> bool:
    """Return whether any of these rule numbers is one of them."""
    return any(ids[0] <= vital[-1] and vital[0] <= ids[-1] for vital in VITAL if len(ids))
