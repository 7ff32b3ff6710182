"""Requests that nginx and the app could read differently, which a WAF with routes refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from waf_builder.inspect.head import Head

_UP = r"(?:[.]|%(?:25){0,4}2e){2}"
_BEFORE, _AFTER = r"(?:[/\\]|%(?:25){0,4}(?:2f|5c))", r"(?:[/\\;? ]|%(?:25){0,4}(?:2f|5c|3b))"
UNCLEAR_PATHS = (
    rf"(?i)^[^? ]*(?!(?:/|%2f)(?:[.]|%2e){{2}}(?:[/? ]|%2f)){_BEFORE}{_UP}{_AFTER}",
    r"(?i)^[^? ]*%2f[^? ]*/(?:[.]|%2e){2}[/? ]",
    r"^[^? ]*#",
)
"""Of `$request_uri $uri`, as templates/nginx.conf.j2 has them for `$waf_unclear_path`."""
UNTOUCHED_PATH = r"^([^? ]*)(?:[?][^ ]*)? \1$"
"""What was neither decoded nor resolved means one thing."""

_UNCLEAR = tuple(re.compile(one, re.ASCII) for one in UNCLEAR_PATHS)
_UNTOUCHED = re.compile(UNTOUCHED_PATH)
_ERROR_PAGE = re.compile(r"^/__waf/errors/[0-9]+[.](?:html|json)$")
_CLEAR_HOST = re.compile(r"(?i)^([^ ]+) \1[.]?(?::[0-9]*)?$")


class Clarity:
    """Says whether a request can be read in one way only.

    guarded: patterns of paths, as in `Config.guarded_paths`.
    """

    def __init__(self, guarded: Sequence[str]) -> None:
        # PCRE's \z is Python's \Z; bytes are characters here, as they are for nginx.
        self._guarded = tuple(
            re.compile(_as_bytes(one.replace(r"\z", r"\Z")), re.ASCII) for one in guarded
        )

    def path(self, head: Head) -> bool:
        """Return whether its path is clear: of `map $waf_unclear_path` the first match counts."""
        both = f"{head.uri} {head.path}"
        if _ERROR_PAGE.search(head.path):
            return True
        if any(one.search(both) for one in _UNCLEAR):
            return False
        if _UNTOUCHED.search(both):
            return True
        return not any(one.search(both) for one in self._guarded)

    @staticmethod
    def host(head: Head) -> bool:
        """Return whether the Host header names the host that nginx takes."""
        return not head.http_host or bool(_CLEAR_HOST.search(f"{head.host} {head.http_host}"))


def _as_bytes(pattern: str) -> str:
    return pattern.encode("utf-8").decode("latin-1")
