"""One thing that is otherwise in the new one than in the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """What has changed, and how.

    gone, added: of a list what is only in one of the two; of a single value that one, and nothing
    where there is none.
    """

    what: str
    gone: tuple[str, ...]
    added: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form."""
        return {"what": self.what, "gone": list(self.gone), "added": list(self.added)}


def value_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Yield what differs between named values; an empty value is none."""
    for what in dict.fromkeys([*old, *new]):
        before, after = old.get(what, ""), new.get(what, "")
        if before != after:
            yield Change(what, (before,) if before else (), (after,) if after else ())


def list_change(what: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    """Yield what differs between two lists of which the order does not matter."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    gone = tuple(one for one in before if one not in after)
    added = tuple(one for one in after if one not in before)
    if gone or added:
        yield Change(what, gone, added)
