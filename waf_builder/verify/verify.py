"""The comparison of a spec's two rule sets: as installed, and compiled for its policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from waf_builder.config.build import COMPILED_RULES
from waf_builder.crs.installed import InstalledCrs
from waf_builder.pipeline import Rendered
from waf_builder.seclang import rule_ids
from waf_builder.verify.compare import Difference, Verdict
from waf_builder.verify.echo import echo
from waf_builder.verify.inprocess import LibrarySide
from waf_builder.verify.pair import Pair, pair_of
from waf_builder.verify.requests import Generator
from waf_builder.verify.side import Side
from waf_builder.verify.wire import Request
from waf_builder.verify.words import words_of

BATCH = 100
"""Requests between two looks at the records."""

_AGAIN = 3
"""How often a difference is asked for again: a connection that a backend closed is no verdict."""


@dataclass(frozen=True)
class Verified:
    """How a comparison went.

    requests: how many were sent to both. refused: how many of them both refused.
    rules: the rules that matched in any of them. differences: empty when it went well.
    """

    requests: int
    refused: int
    rules: frozenset[int]
    differences: tuple[Difference, ...]


def verify(
    file: Path,
    rendered: Rendered,
    *,
    count: int,
    seed: int,
    rules: InstalledCrs | None = None,
) -> Verified:
    """Send the same requests to a spec's installed and compiled rules, and compare.

    rules: as in `pair_of`. It ends with the batch that shows the first difference. WafBuilderError
    when there is nothing to compare: no engine, or rules that cannot be compiled.
    """
    with echo() as backend:
        return compare(pair_of(file, rendered, backend.port, rules), count=count, seed=seed)


def compare(pair: Pair, *, count: int, seed: int) -> Verified:
    """Do what `verify` does with the two trees."""
    loaded = {name: text for name, text in pair.compiled.items() if fnmatch(name, COMPILED_RULES)}
    generator = Generator(seed, words_of(pair.crs.rules), pair.places, rule_ids(loaded))
    return compare_for(pair, generator.requests(count), generator.plain(0))


def compare_for(pair: Pair, requests: Iterable[Request], last: Request) -> Verified:
    """Do so with other requests, each with a number of its own.

    last: one that no rule minds, with number 0.
    """
    done, refused = 0, 0
    met: set[int] = set()
    differences: list[Difference] = []
    with ExitStack() as stack:
        installed, compiled = (stack.enter_context(side) for side in pair.sides())
        for batch in _batches(requests):
            pairs = _asked(installed, compiled, batch, last)
            for one, other in pairs.values():
                met.update(match.rule for match in one.matches)
                refused += one.status == other.status == "403"
            differing = [request for request in batch if _differ(pairs[request.number])]
            for _ in range(_AGAIN if differing else 0):
                pairs.update(_asked(installed, compiled, differing, last))
                differing = [request for request in differing if _differ(pairs[request.number])]
            differences += [Difference(request, *pairs[request.number]) for request in differing]
            done += len(batch)
            if differences:
                break
    return Verified(done, refused, frozenset(met), tuple(differences))


def _asked(
    installed: Side | LibrarySide,
    compiled: Side | LibrarySide,
    requests: Sequence[Request],
    last: Request,
) -> dict[int, tuple[Verdict, Verdict]]:
    """Return what both say to each request, by its number."""
    for request in requests:
        installed.send(request)
        compiled.send(request)
        installed.receive(request)
        compiled.receive(request)
    said, says = (side.verdicts(last) for side in (installed, compiled))
    return {number: (said[number], says[number]) for number in said}


def _differ(pair: tuple[Verdict, Verdict]) -> bool:
    return pair[0] != pair[1]


def _batches(requests: Iterable[Request]) -> Iterator[Sequence[Request]]:
    batch: list[Request] = []
    for request in requests:
        batch.append(request)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
