"""For which requests an exclusion holds, as conditions that no odd spelling can widen.

nginx chooses a route by the decoded path, the backend gets the path as it was sent, and
libmodsecurity before 3.0.12 takes an encoded `?` for the begin of the query (CVE-2024-1019). A
condition therefore looks at the request as it was sent, and holds only for a path that all three
read alike: no `..`, no `//`, no `;`, no backslash, and nothing encoded that could stand for one of
them. Whatever is in doubt is inspected in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from waf_builder.config.model import Condition
from waf_builder.config.model.exclusion import HOST
from waf_builder.config.paths import as_encoded, as_sent
from waf_builder.config.policies import with_head
from waf_builder.spec.model import Exclusion

# Encoded: control characters, # % . / ; ? \, what some decoders take for them (overlong UTF-8,
# full-width forms), and bytes that are no UTF-8.
_NOT_ENCODED = r"[01]|2[35ef]|3[bf]|5c|7f|c[01]|e0%[89]|ef%bc|f0%8|f[5-9a-f]"
_CHARACTER = rf"(?:[A-Za-z0-9._~!$&\x27()*+,=:@-]++|%(?!(?i:{_NOT_ENCODED}))[0-9A-Fa-f]{{2}})"
# Some systems take "..", followed by spaces, for "..".
_SEGMENT = rf"(?!(?:[.]|%20)+(?:[/?]|$)){_CHARACTER}++"
_END = "(?:[?]|$)"
_PLAIN = rf"^(?:/{_SEGMENT})*+/?{_END}"
"""A path, as it is sent, that everybody reads alike."""
_LABEL = "[a-z0-9_-]+"


def conditions(exclusion: Exclusion) -> Iterator[Condition]:
    """Yield what a request must be like for an exclusion to hold; nothing where all are."""
    if exclusion.path:
        # The first is cheap, and all that most requests cost.
        yield Condition("REQUEST_URI_RAW", path_pattern(exclusion.path))
        yield Condition("REQUEST_URI_RAW", _PLAIN)
    if exclusion.methods:
        methods = "|".join(with_head(exclusion.methods))
        yield Condition("REQUEST_METHOD", f"^(?:{methods})$")
    if exclusion.hosts:  # nginx refuses a request line with another host (excludes_by_host)
        yield Condition(HOST, host_pattern(exclusion.hosts), ("lowercase",))


def path_pattern(path: str) -> str:
    """Return a pattern for the begin of a path as it is sent: of this one, or one below it."""
    # Every client encodes what is not ASCII, and _PLAIN takes it in no other form.
    sent = "".join(as_sent(char) if char.isascii() else as_encoded(char) for char in path)
    return f"^{sent}" if path.endswith("/") else f"^{sent}(?:[/?]|$)"


def host_pattern(hosts: Sequence[str]) -> str:
    """Return a pattern for a Host header in small letters, with or without a port."""
    names = "|".join(map(_host, hosts))
    return f"^(?:{names})(?::[0-9]{{1,5}})?$"


def _host(host: str) -> str:
    name = host.removeprefix("*.").replace(".", "[.]")
    return rf"{_LABEL}(?:[.]{_LABEL})*[.]{name}" if host.startswith("*.") else name
