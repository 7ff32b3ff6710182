"""A request that was seen, and what came of it then."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.inspect.logline import Unread
from waf_builder.inspect.request import HttpRequest

Why = tuple[int, str]
"""A rule that matched then, and its message."""


@dataclass(frozen=True)
class Seen:
    """One request of the traffic.

    place: file and line, or file and entry. refused: whether the WAF answered instead of the app.
    why: the rules that matched, as far as that is known. logged: whether it is from a log, which
    keeps no headers. whole: whether its query and its body are known. explained: whether what it
    was refused for is known, so that a pass now says something.
    """

    request: HttpRequest
    place: str
    refused: bool = False
    why: tuple[Why, ...] = ()
    logged: bool = False
    whole: bool = True
    explained: bool = True


@dataclass
class Skipped(Unread):
    """What of the input is no request that could be judged, counted.

    gates: requests that a limit, a password, a list of addresses or a redirect answered before any
    rule. unclear: those without an answer then, or with one of which nobody can say whether it is
    the app's. elsewhere: requests to hosts that are not asked for.
    """

    gates: int = 0
    unclear: int = 0
    elsewhere: int = 0

    def nothing(self) -> str:
        """Return why there was no request at all, and what is expected."""
        lines = ["there is no request to replay in these files"]
        if self.malformed:
            lines.append(f"    malformed: {self.malformed:,}, such as {self.first}")
        left = self.others + self.gates + self.unclear + self.elsewhere
        if left:
            lines.append(f"    other lines, and what cannot be put to the WAF: {left:,}")
        lines.append("    Expected a HAR file, or lines of the WAF's access log or audit log.")
        return "\n".join(lines)
