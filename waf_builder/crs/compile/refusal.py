"""Why a rule set is loaded as it is."""

from __future__ import annotations

from waf_builder.problem import Place


class Refusal(Exception):  # noqa: N818 - it is no error: the rules work, they only cost more
    """Something that the compiler has not been taught; it changes nothing then.

    what: says what was met, as a part of a sentence.
    """

    def __init__(self, what: str, place: Place | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.place = place


class Mistake(Refusal):
    """A mistake in a file of the rendered tree: no rules work then, and its check says so."""
