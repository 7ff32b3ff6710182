"""What came of a request, held against what must come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from waf_builder.suite.ftw import Output

Message = dict[str, Any]


@dataclass(frozen=True)
class Observed:
    """An answer. status: None when there was none that is HTTP; error says why."""

    status: int | None
    response: str = ""
    error: str = ""
    location: str = ""


@dataclass(frozen=True)
class Record:
    """One audit record. lines: a line a matched rule, as ModSecurity's error log has them."""

    client: str
    rules: tuple[int, ...]
    lines: tuple[str, ...]


def parse(line: str) -> Record:
    """Return the record of a line of the audit log."""
    return record_of(json.loads(line, strict=False)["transaction"])


def record_of(transaction: Mapping[str, Any]) -> Record:
    """Return what a transaction of the audit log says; {} for one that has no line."""
    details = [{**one["details"], "msg": one["message"]} for one in transaction.get("messages", ())]
    return Record(
        str(transaction.get("client_ip", "")),
        tuple(int(one["ruleId"]) for one in details),
        tuple(_as_in_the_error_log(one) for one in details),
    )


def _as_in_the_error_log(details: Message) -> str:
    words = ("id", "ruleId"), ("msg", "msg"), ("data", "data"), ("severity", "severity")
    fields = "".join(f' [{word} "{details[key]}"]' for word, key in words if details.get(key))
    return f"ModSecurity: Warning. {details['match']}{fields}".replace("\n", "\\x0a")


def judge(wanted: Output, got: Observed, records: Sequence[Record]) -> str:
    """Return why a request did not do what it must, or an empty text."""
    if wanted.error:
        return "" if got.status is None else f"status {got.status}, wanted no answer"
    if got.status is None:
        return f"no answer: {got.error}"
    return "; ".join(_differences(wanted, got, records))


def _differences(wanted: Output, got: Observed, records: Sequence[Record]) -> Iterator[str]:
    rules = {rule for record in records for rule in record.rules}
    log = "\n".join(line for record in records for line in record.lines)
    seen = f"{' '.join(map(str, sorted(rules))) or 'none'}; status {got.status}"
    if wanted.status and got.status not in wanted.status:
        yield f"status {got.status}, wanted {' or '.join(map(str, wanted.status))}"
    if wanted.response and not re.search(wanted.response, got.response):
        yield f"the response has no {wanted.response!r}"
    if missing := set(wanted.rules) - rules:
        yield f"no match of {' '.join(map(str, sorted(missing)))} (matched: {seen})"
    if unwanted := set(wanted.no_rules) & rules:
        yield f"a match of {' '.join(map(str, sorted(unwanted)))}"
    if wanted.log and not re.search(wanted.log, log):
        yield f"the log has no {wanted.log!r} (matched: {seen})"
    if wanted.no_log and (found := re.search(wanted.no_log, log)):
        yield f"the log has {found[0]!r}"
    if wanted.isolated and len(rules) != 1:
        yield f"not one match alone (matched: {seen})"
