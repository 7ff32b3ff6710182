"""What the tests of replay share: lines of the logs, entries of a HAR, and a WAF that is none."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from waf_builder.inspect.answer import Answer, Match
from waf_builder.inspect.proposal import propose, proposed
from waf_builder.inspect.report import Finding
from waf_builder.inspect.routing import Host, Route, Routing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waf_builder.inspect.request import HttpRequest

_ids = itertools.count()


def access(  # noqa: PLR0913
    path: str = "/",
    *,
    method: str = "GET",
    action: str = "pass",
    query: str | None = "",
    status: int = 200,
    key: str = "",
    host: str = "a.test",
) -> str:
    url: dict[str, Any] = {"domain": host, "path": path}
    if query is not None:
        url["query"] = query
    return json.dumps(
        {
            "@timestamp": "2026-11-26T17:44:22.046+00:00",
            "event": {"action": action, "duration": 8000000},
            "http": {
                "request": {"id": key or f"{next(_ids):032x}", "method": method},
                "response": {"status_code": status},
            },
            "url": url,
            "waf": {"route": "/", "backend": {"status": "" if status > 399 else "200"}},
        }
    )


def message(rule: int, target: str = "ARGS:q", value: str = "x") -> dict[str, Any]:
    return {
        "message": f"Rule {rule}",
        "details": {
            "ruleId": str(rule),
            "match": f"Matched \"Operator `Rx' against variable `{target}' (Value: `{value}' )",
            "data": "",
            "severity": "2",
            "tags": ["attack-sqli", "paranoia-level/1"],
        },
    }


def audit(
    uri: str,
    *messages: dict[str, Any],
    method: str = "GET",
    status: int = 403,
    key: str = "",
    engine: str = "Enabled",
) -> str:
    judged = {"message": "Score", "details": {"ruleId": "949110", "severity": "2", "tags": []}}
    return json.dumps(
        {
            "transaction": {
                "unique_id": key or f"{next(_ids):032x}",
                "request": {"method": method, "http_version": 1.1, "uri": uri},
                "response": {"http_code": status},
                "producer": {"secrules_engine": engine},
                "messages": [*messages, judged],
            }
        }
    )


def entry(
    url: str, status: int = 200, *, method: str = "GET", text: str | None = "", id_: str = ""
):
    headers = [{"name": "X-Request-ID", "value": id_}] if id_ else []
    content = {} if text is None else {"text": text}
    return {
        "request": {"method": method, "url": url, "headers": []},
        "response": {"status": status, "headers": headers, "content": content},
    }


ROUTE = Route("/", "/", False, "block", "", "GET|POST|PUT", "text/plain", 0, 5, 1)
ROUTING = Routing((Host((), (ROUTE,), False, ()),), 0, 5, "/health", False, (), False)


class Waf:
    """Refuses `evil` in a query, and DELETE; `down` gets no answer. Asked in batches, as nginx.

    `everywhere` in a query matches in more than one place, which only a second answer tells.
    """

    def __init__(self, batch: int = 3) -> None:
        self.batch = batch
        self.asked: list[str] = []

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        requests = iter(requests)
        while batch := list(itertools.islice(requests, self.batch)):
            for request in batch:
                self.asked.append(f"{request.method} {request.target}")
                yield _finding(request)

    def tried(self, finding: Finding) -> Finding:
        """Say that a rule matched in a header, too."""
        self.asked.append(f"again {finding.answer.request.target}")
        assert finding.proposal
        matches = [*finding.answer.matches, _match("REQUEST_HEADERS:Referer")]
        more = proposed(matches, finding.answer.request)
        return replace(finding, proposal=more)


def _match(target: str) -> Match:
    tags = ("attack-sqli", "paranoia-level/1")
    title = "SQL Injection Attack Detected via libinjection"
    return Match(942100, title, target, "evil", 2, 5, 1, tags)


def _finding(request: HttpRequest) -> Finding:
    matches: tuple[Match, ...] = ()
    status, score = 200, 0
    if "down" in request.target:
        status = 0
    elif request.method == "DELETE":
        status = 405
    elif request.method == "PUT":
        status = 415
    elif "evil" in request.target:
        name = request.target.partition("?")[2].partition("=")[0]
        matches = (_match(f"ARGS:{name}"),)
        status, score = 403, 10 if "everywhere" in request.target else 5
    verdict = {0: "error", 200: "pass", 403: "block"}.get(status, "reject")
    answer = Answer(request, "/", verdict, status, score, matches)  # type: ignore[arg-type]
    proposal = propose(answer, ROUTING)
    if proposal and score > 5:
        proposal = proposal.doubted("It may match elsewhere.")
    return Finding(answer, 5, proposal)
