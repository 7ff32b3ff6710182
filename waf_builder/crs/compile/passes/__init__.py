"""The steps of the compiler, in their order."""

from __future__ import annotations

from waf_builder.crs.compile.model import Pass
from waf_builder.crs.compile.passes.conditions import always_true, never_true
from waf_builder.crs.compile.passes.exclusions import constant_exclusions, written_exclusions
from waf_builder.crs.compile.passes.filenames import file_names
from waf_builder.crs.compile.passes.jumps import empty_jumps, idle_markers, jumped_over
from waf_builder.crs.compile.passes.lists import shortened_lists
from waf_builder.crs.compile.passes.removals import switched_off
from waf_builder.crs.compile.passes.responses import response_bodies
from waf_builder.crs.compile.passes.scores import constant_scores
from waf_builder.crs.compile.passes.screened import screened

PASSES: dict[str, Pass] = {
    "switched-off": switched_off,
    # Conditions early: each rule they remove may be what kept a value from being constant.
    "conditions": never_true,
    "jumped-over": jumped_over,
    "response-bodies": response_bodies,
    # A jump is only empty, and a marker only idle, once what they led over is gone.
    "empty-jumps": empty_jumps,
    "markers": idle_markers,
    # Exclusions last: they are written into the rules that are left.
    "constant-exclusions": constant_exclusions,
    "written-exclusions": written_exclusions,
    "file-names": file_names,
    "scores": constant_scores,
    "lists": shortened_lists,
    "defaults": always_true,
    # Screens stand for rules as they are in the end.
    "screens": screened,
}
"""Each step by its name in `waf.compile`; they run in this order until nothing changes."""

LAST = frozenset({"defaults", "screens"})
"""The steps that wait for all others to be done."""
