"""Words of lists that are longer than the engine reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from waf_builder.crs.compile.files import reads_words_only
from waf_builder.crs.compile.model import Changed, RuleSet


def shortened_lists(rules: RuleSet) -> Iterator[Changed]:
    """Write the words of a `@pmFromFile` without what follows where the engine stops.

    Reason: each letter takes 200 bytes in each worker, and a list that holds `ls` and `lsof`
    never finds more of the second than of the first.
    Proof: libmodsecurity goes through a text letter by letter, from node to node of one tree, and
    reports the first node at which a word ends, or has ended on the way that it goes on from there
    (`is_last`, `o_match`), with the letters that lead to it. So no node behind such a node is ever
    met: not by a letter, since the engine has stopped; nor on the way on from another node, since
    that one, or one before it, then stops, too. A word that ends there instead makes it a node at
    which a word ends. It is reported with the same letters, which are those of the first word of
    the list that led there, and those words keep their order.
    Source: https://github.com/owasp-modsecurity/ModSecurity/blob/v3.0.9/src/utils/acmp.cc
    """
    for _, entry in rules.rules:
        if entry.ours and not entry.shortened and reads_words_only(entry):
            why = "words of its list end where the engine stops"
            yield Changed(entry, replace(entry, shortened=True), why)
