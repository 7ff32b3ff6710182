"""A small lossless reader of SecLang, ModSecurity's rule language.

`read(text, file)` gives a Document: directives in order, each with its offsets, rules taken apart
on demand, every problem at once and no exception. `Document.replaced` changes some spans and leaves
every other byte alone. `rule_ids` is the fast way to the rule numbers of a whole rule set.
"""

from __future__ import annotations

from waf_builder.seclang.actions import Action
from waf_builder.seclang.document import Directive, Document, read
from waf_builder.seclang.ids import id_ranges, rule_ids
from waf_builder.seclang.operators import Operator
from waf_builder.seclang.rule import Rule
from waf_builder.seclang.scan import Argument
from waf_builder.seclang.source import Span, from_bytes, read_text, to_bytes
from waf_builder.seclang.variables import Variable, read_variables

__all__ = [
    "Action",
    "Argument",
    "Directive",
    "Document",
    "Operator",
    "Rule",
    "Span",
    "Variable",
    "from_bytes",
    "id_ranges",
    "read",
    "read_text",
    "read_variables",
    "rule_ids",
    "to_bytes",
]
