"""Sends the corpus to a running WAF and says what came of each request."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import waf as wafs
from support.backends import containers
from support.client import parse_headers

from .plain import make_plain
from .requests import Request, attacks, ordinary, specialist

if TYPE_CHECKING:
    from support.waf import Waf

    from waf_builder.engine.model import Engine

SPEC = """\
backend: {{host: 127.0.1.1, port: {port}}}
workers: 1          # so that log records come in the order of requests
"""
"""The default policy; what follows is a test's own."""

_CLIENTS = 4
_SCORES = range(949000, 950000), range(959000, 960000), range(980000, 981000)
"""Rules that only add up."""


@dataclass(frozen=True)
class Verdict:
    """What a WAF did with a request.

    status: 0 where it closed the connection. rules: those that matched, without the sums.
    """

    request: Request
    status: int
    rules: tuple[int, ...]

    @property
    def blocked(self) -> bool:
        return self.status != 200

    @property
    def name(self) -> str:
        """The file and the name of the request."""
        return f"{self.request.group}/{self.request.name}"

    def __str__(self) -> str:
        rules = " ".join(map(str, self.rules)) or f"status {self.status}"
        return f"{self.name}: {rules}"


@dataclass(frozen=True)
class Judgement:
    """The verdicts on the whole corpus."""

    ordinary: tuple[Verdict, ...]
    specialist: tuple[Verdict, ...]
    attacks: tuple[Verdict, ...]

    @property
    def text(self) -> str:
        """What went wrong: ordinary requests that were refused, attacks that got through."""
        lines = _listed("ordinary requests refused", self.ordinary, blocked=True)
        lines += _listed("specialist requests refused", self.specialist, blocked=True)
        lines += _listed("attacks that pass", self.attacks, blocked=False)
        return "\n".join(lines) + "\n"


def _listed(what: str, verdicts: Sequence[Verdict], *, blocked: bool) -> list[str]:
    found = [
        f"  {one}" if blocked else f"  {one.name}" for one in verdicts if one.blocked == blocked
    ]
    return [f"{what}: {len(found)} of {len(verdicts)}", *found]


def names(verdicts: Sequence[Verdict], *, blocked: bool) -> frozenset[str]:
    """Return the names of the requests that were blocked, or of those that were not."""
    return frozenset(one.name for one in verdicts if one.blocked == blocked)


def judge_corpus(waf: Waf) -> Judgement:
    """Send everything to a WAF with one worker."""
    parts = (tuple(judge(waf, part())) for part in (ordinary, specialist, attacks))
    return Judgement(*parts)


def judge(waf: Waf, requests: Sequence[Request]) -> list[Verdict]:
    """Send requests to a WAF with one worker and return what it did with each, in their order."""
    with ThreadPoolExecutor(_CLIENTS) as pool:
        answers = list(pool.map(lambda one: _answer(waf, one), requests))
    rules = _rules(waf)
    return [
        Verdict(request, status, rules.get(id_, ()))
        for request, (status, id_) in zip(requests, answers, strict=True)
    ]


def _answer(waf: Waf, request: Request) -> tuple[int, str]:
    try:
        response = waf.send(request.data)
    except (EOFError, OSError):
        return 0, ""
    return response.status, dict(parse_headers(response.head)).get("X-Request-ID", "")


def _rules(waf: Waf) -> dict[str, tuple[int, ...]]:
    waf.has_audit("")  # the records of all requests before have been written then
    records = (json.loads(line)["transaction"] for line in waf.stdout.lines if line[:1] == "{")
    return {one["unique_id"]: _matched(one["messages"]) for one in records}


def _matched(messages: Sequence[dict[str, dict[str, str]]]) -> tuple[int, ...]:
    ids = {int(one["details"]["ruleId"]) for one in messages}
    return tuple(sorted(id_ for id_ in ids if not any(id_ in sums for sums in _SCORES)))


@contextlib.contextmanager
def booted(engine: Engine, policy: str = "", *, plain: bool = False) -> Iterator[Waf]:
    """Run a WAF for an engine and its rule set, before a backend that answers 200 to all.

    policy: what the spec says besides. plain: the rule set's own defaults instead of ours.
    """
    assert engine.crs
    with (
        tempfile.TemporaryDirectory(prefix="waf-builder-corpus-") as folder,
        containers(1) as found,
    ):
        Path(folder).chmod(0o755)  # the workers may be another user
        tree = Path(folder) / "waf"
        spec = SPEC.format(port=found[0].port) + policy
        wafs.render(spec, tree, engine, "--crs", str(engine.crs.folder))
        if plain:
            make_plain(tree, engine.crs.version)
        with wafs.running(tree, resolver="127.0.0.1:53") as waf:
            waf.await_backend("/")
            yield waf
