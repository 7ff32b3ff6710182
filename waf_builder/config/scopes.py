"""For which requests an exclusion holds, as conditions that no odd spelling can widen.

A condition for a path looks at the request as it was sent, and holds only for one that everybody
reads alike (`plainpath`). Whatever is in doubt is inspected in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from waf_builder.config.model import Condition
from waf_builder.config.model.exclusion import HOST
from waf_builder.config.paths import as_encoded, as_sent
from waf_builder.config.plainpath import PLAIN
from waf_builder.config.policies import with_head
from waf_builder.spec.model import Exclusion

_LABEL = "[a-z0-9_-]+"


def conditions(exclusion: Exclusion) -> Iterator[Condition]:
    """Yield what a request must be like for an exclusion to hold; nothing where all are."""
    if exclusion.path:
        # The first is cheap, and all that most requests cost.
        yield Condition("REQUEST_URI_RAW", path_pattern(exclusion.path))
        yield Condition("REQUEST_URI_RAW", PLAIN)
    if exclusion.methods:
        methods = "|".join(with_head(exclusion.methods))
        yield Condition("REQUEST_METHOD", f"^(?:{methods})$")
    if exclusion.hosts:  # nginx refuses a request line with another host (excludes_by_host)
        yield Condition(HOST, host_pattern(exclusion.hosts), ("lowercase",))


def path_pattern(path: str) -> str:
    """Return a pattern for the begin of a path as it is sent: of this one, or one below it."""
    # Every client encodes what is not ASCII, and PLAIN takes it in no other form.
    sent = "".join(as_sent(char) if char.isascii() else as_encoded(char) for char in path)
    return f"^{sent}" if path.endswith("/") else f"^{sent}(?:[/?]|$)"


def host_pattern(hosts: Sequence[str]) -> str:
    """Return a pattern for a Host header in small letters, with or without a port."""
    names = "|".join(map(_host, hosts))
    return f"^(?:{names})(?::[0-9]{{1,5}})?$"


def _host(host: str) -> str:
    name = host.removeprefix("*.").replace(".", "[.]")
    return rf"{_LABEL}(?:[.]{_LABEL})*[.]{name}" if host.startswith("*.") else name
