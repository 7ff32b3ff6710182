"""Headers that are sent, hidden and removed besides those of every configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headers:
    """What a location does with headers of responses.

    security: names with the variable that is empty where the app sends its own. set: names with
    their values. hidden: names of which the app's own are not passed on.
    """

    security: tuple[tuple[str, str], ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def on_error_pages(self) -> Headers:
        """The same, without what the pages have of their own."""
        own = {"cache-control", "allow", "accept", "www-authenticate"}
        return Headers(
            self.security, tuple(pair for pair in self.set if pair[0].lower() not in own)
        )
