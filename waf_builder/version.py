"""The versions of nginx, libmodsecurity, the connector and the rules: three numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_WANTED = re.compile(r"\d+(?:\.\d+){0,2}")


class Version(NamedTuple):
    """Three numbers that compare as numbers: 1.9.0 is older than 1.22.1."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return `1.27.3` as a version; ValueError for anything else, `1.27` included."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a version, expected three numbers such as 1.27.3")
        return cls(*(int(number) for number in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def fits(self, wanted: str) -> bool:
        """Return whether this is `4`, `4.25` or `4.25.1`: a major, a minor, an exact version."""
        numbers = tuple(int(number) for number in wanted.split("."))
        return self[: len(numbers)] == numbers


def is_wanted_version(text: str) -> bool:
    """Return whether text is one to three numbers, as `Version.fits` takes them."""
    return _WANTED.fullmatch(text) is not None
