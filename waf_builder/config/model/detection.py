"""Extra detection: rules of our own, which count like critical ones of the Core Rule Set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One rule of a chain; transformations as SecLang writes them, `t:none` first."""

    variables: str
    operator: str
    transformations: str


@dataclass(frozen=True)
class Detection:
    """A chain of rules. without: the variable with which a route says that it has none of it."""

    id: int
    name: str
    message: str
    tag: str
    first: Link
    others: tuple[Link, ...]
    without: str
