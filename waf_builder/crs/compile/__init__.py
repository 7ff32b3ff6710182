"""The rules of the Core Rule Set that a policy can use, and no others.

`compile_rules` takes the installed rules and the rendered tree around them, and gives the text of
the files that nginx loads, with a manifest of what was left out and why. Steps and their order
are data (`passes.PASSES`); each says in its docstring why it is there and what must be proven
before it changes anything. What the compiler has not been taught, it leaves as it is.
"""

from __future__ import annotations

from waf_builder.crs.compile.compile import Compiled, compile_rules
from waf_builder.crs.compile.manifest import Manifest, Step
from waf_builder.crs.compile.passes import PASSES

__all__ = ["PASSES", "Compiled", "Manifest", "Step", "compile_rules"]
