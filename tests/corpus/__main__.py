"""`python -m tests.corpus`: what a WAF does with the corpus, as text."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest finds `support`, too

from support import engines

from corpus.judge import booted, judge_corpus
from waf_builder.engine.find import find


def main() -> None:
    """Judge the corpus with the engine, rule set and policy of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--engine", default="new", help="old, new (the tests' own) or a folder")
    parser.add_argument("--crs", help="a folder with a Core Rule Set; default: the engine's")
    parser.add_argument("--plain", action="store_true", help="the rule set's own defaults")
    parser.add_argument("--policy", default="", help="more of the spec, as YAML")
    given = parser.parse_args()
    os.environ.setdefault("WAF_BUILDER_CACHE", str(engines.folder() / "cache"))
    of = {"old": engines.old, "new": engines.new}.get(given.engine)
    engine = of(print) if of else find(given.engine)
    if given.crs:
        engine = find(str(engine.root), given.crs)
    with booted(engine, given.policy, plain=given.plain) as waf:
        sys.stdout.write(judge_corpus(waf).text)


main()
