"""The target of an exclusion: what a rule shall no longer look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator

from waf_builder.problem import did_you_mean
from waf_builder.seclang.pcre import regex_error
from waf_builder.seclang.vocabulary.variables import VARIABLES
from waf_builder.spec.mistakes import fail, pattern_schema, text_of

_FORM = re.compile(r"(?P<collection>[A-Za-z_]{1,40})(?::(?P<key>[^\r\n]*))?")
# What libmodsecurity takes in the key of a ctl as well as in that of a SecRuleUpdateTargetById
# (tried); the second takes a few characters more.
_KEY = re.compile(r"[A-Za-z0-9_.$\[\]-][A-Za-z0-9_.$:\[\]/-]{0,199}")
_KEY_WITHOUT_SCOPE = re.compile(r"[A-Za-z0-9_.$\[\]@~+!()=-][A-Za-z0-9_.$:\[\]/@~+!()=-]{0,199}")
_REGEX = re.compile(r"/(\^[A-Za-z0-9_.^$\[\]()?*+{}:|\\-]{1,198}\$)/")
_XML = frozenset({"/*", "//@*"})
"""The two keys of XML that the Core Rule Set uses: all text, and all attributes."""
_EXAMPLES = "ARGS:content, REQUEST_COOKIES:session or REQUEST_FILENAME"


@dataclass(frozen=True)
class ExclusionTarget:
    """A variable of the rule language, or one key of a collection.

    collection: in capital letters. key: exact, None for all of the variable; a regular expression
    goes to `regex` instead, without its slashes.
    """

    collection: str
    key: str | None = None
    regex: str | None = None

    @property
    def works_in_a_scope(self) -> bool:
        """Whether libmodsecurity can leave it out for some requests only (ctl)."""
        if self.regex is not None:
            return False
        return self.key is None or self.collection == "XML" or bool(_KEY.fullmatch(self.key))

    def __str__(self) -> str:
        if self.regex is not None:
            return f"{self.collection}:/{self.regex}/"
        return self.collection if self.key is None else f"{self.collection}:{self.key}"


def _target(value: Any) -> ExclusionTarget:
    if isinstance(value, ExclusionTarget):  # one that was made in Python
        return value
    text = text_of(value, "spec.exclusion-target", f"a target such as {_EXAMPLES}")
    form = _FORM.fullmatch(text)
    if not form:
        raise _bad(text, f"expected one such as {_EXAMPLES}")
    collection, key = form["collection"], form["key"]
    word = VARIABLES.get(collection.lower())
    if word is None or collection != collection.upper():
        near = did_you_mean(collection.upper(), [known.name for known in VARIABLES.values()])
        raise _bad(text, f"there is no variable {collection!r}", near)
    if key is None:
        return ExclusionTarget(collection)
    if not word.keyed:
        raise _bad(text, f"{collection} has no keys", f"Write {collection} alone.")
    if collection == "XML":
        if key not in _XML:
            raise _bad(text, "expected XML:/* for the text or XML://@* for the attributes")
        return ExclusionTarget(collection, key)
    if key.startswith("/"):
        return ExclusionTarget(collection, regex=_regex(text, key))
    if not _KEY_WITHOUT_SCOPE.fullmatch(key):
        raise _bad(
            text,
            "the key holds a character that libmodsecurity cannot read there",
            "Letters, digits and _ . $ : [ ] / - @ ~ + ! ( ) = may stand in a key.",
        )
    return ExclusionTarget(collection, key)


def _regex(text: str, key: str) -> str:
    found = _REGEX.fullmatch(key)
    if not found:
        raise _bad(
            text,
            "expected a regular expression from ^ to $ between slashes, such as /^item[0-9]+$/",
            "Unless it says how a whole name looks, an attack in the name would be left out, too.",
        )
    if reason := regex_error(found[1]):
        raise _bad(text, f"the regular expression does not compile: {reason}")
    return found[1]


def _bad(text: str, why: str, hint: str = "") -> Exception:
    return fail("spec.exclusion-target", f"{text!r} is no target: {why}", hint)


Target = Annotated[ExclusionTarget, PlainValidator(_target), pattern_schema("[A-Z_]+(:.+)?")]
"""COLLECTION, COLLECTION:key or COLLECTION:/^regex$/, as the rule language writes it."""
