"""`${NAME}` and `${NAME:-default}`: values that the spec takes from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from typing_extensions import Self

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^${}]*))?\}")


@dataclass(frozen=True)
class Deferred:
    """A value that only the running container knows: `prefix${name:-default}suffix`.

    source: what the spec says, where a variable that was set stands around the other.
    """

    name: str
    default: str = ""
    prefix: str = ""
    suffix: str = ""
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.source:
            return self.source
        default = f":-{self.default}" if self.default else ""
        return f"{self.prefix}${{{self.name}{default}}}{self.suffix}"


class FromEnvironment(str):
    """Text in which variables have been replaced already; `source` is what the spec says.

    A message that quotes it names the source alone: a build log is no place for what a variable
    holds, least of all where it is the wrong one.
    """

    __slots__ = ("source",)
    source: str

    def __new__(cls, value: str, source: str) -> Self:
        """Return value as text that remembers where it comes from."""
        text = super().__new__(cls, value)
        text.source = source
        return text

    def __repr__(self) -> str:
        return f"the value of {self.source}"


def mentions_environment(text: str) -> bool:
    """Say whether text holds the start of a `${...}`."""
    return "${" in text


def resolve(text: str, environ: Mapping[str, str]) -> FromEnvironment | Deferred:
    """Return text with its variables replaced, or what is left for boot.

    An empty variable counts as unset, as in the shell's `:-`. A variable that is unset here
    is left for boot, its default with it: what stands here need not be what stands there.

    Raises ValueError, with the reason, for text that cannot be read or that would leave more
    than one variable for boot.
    """
    references = list(_REFERENCE.finditer(text))
    if "${" in _REFERENCE.sub("", text) or not references:
        raise ValueError("a variable is written ${NAME} or ${NAME:-default}")
    unset = [found for found in references if not environ.get(found["name"])]
    if not unset:
        return FromEnvironment(_replace(text, environ), text)
    if len(unset) > 1:
        names = " and ".join(f"${{{found['name']}}}" for found in unset)
        raise ValueError(f"only one variable can be left for boot, and {names} are not set here")
    (found,) = unset
    before, after = text[: found.start()], text[found.end() :]
    return Deferred(
        found["name"],
        found["default"] or "",
        _replace(before, environ),
        _replace(after, environ),
        text,
    )


def _replace(text: str, environ: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: environ[found["name"]], text)
