"""Exclusions: which rules shall not look at what, and where."""

from __future__ import annotations

from pydantic import ConfigDict

from waf_builder.spec.exclusiontarget import Target
from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.ruletypes import Date, Reason, RuleId, RuleTag
from waf_builder.spec.types import ListOf, Method, Path, ServerName


class Exclusion(SpecModel):
    """Rules that are wrong about ordinary requests; exactly one of rule, rules and tag."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("rule", "rules", "tag")]}
    )

    rule: RuleId | None = None
    """The number of a rule; `waf-builder explain` says what it looks at."""

    rules: ListOf[RuleId] = ()
    """The numbers of several rules."""

    tag: RuleTag | None = None
    """A tag such as attack-sqli: every rule of the installed rule set that has it."""

    target: Target | None = None
    """What the rules no longer look at, such as ARGS:content; left out, they are off."""

    path: Path | None = None
    """Only for this path and what is below it: /posts is /posts and /posts/1, not /postscript."""

    hosts: ListOf[ServerName] = ()
    """Only for these hosts."""

    methods: ListOf[Method] = ()
    """Only for these request methods; GET includes HEAD."""

    reason: Reason
    """Why an ordinary request matches; whoever reads it in a year has to decide again."""

    expires: Date | None = None
    """The last day it is meant for, such as 2027-03-31; after it `validate` warns."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The rules that are named by their number."""
        return self.rules if self.rule is None else (self.rule,)

    @property
    def scoped(self) -> bool:
        """Whether it holds for some requests only."""
        return bool(self.path or self.hosts or self.methods)
