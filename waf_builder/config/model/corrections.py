"""Corrections: for which requests rules of the Core Rule Set are left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """A look at a request for what an attack needs; a rule of its own.

    transformations: as SecLang writes them, `t:none` first. sets: the variables that are set to 1
    when it is there, `tx.` left out. only_if: the variable without which nothing is to be seen.
    """

    id: int
    variables: str
    operator: str
    transformations: str
    sets: tuple[str, ...]
    only_if: str = ""


@dataclass(frozen=True)
class Correction:
    """Rules that are left out for a request that has nothing of what they are for.

    What any of the looks finds is judged by the rules as ever. needed: the variable that says
    that something was found. leaves_out: what is done otherwise, as values of `ctl`. always:
    whether it is asked even where the screens of the compiled rules have found nothing.
    """

    id: int
    name: str
    reason: str
    needed: str
    looks: tuple[Look, ...]
    leaves_out: tuple[str, ...]
    always: bool
