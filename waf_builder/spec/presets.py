"""Presets: what kinds of routes usually need, written with the keys that a user could write.

`preset: json-api` on a route stands for these keys; `waf-builder presets json-api` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One key of a route with its value, as YAML has it, and why."""

    key: tuple[str, ...]
    value: Any
    reason: str


@dataclass(frozen=True)
class Preset:
    """What one kind of route needs.

    advice: what belongs to such a route and cannot be known here; empty if there is nothing.
    """

    summary: str
    settings: tuple[Setting, ...]
    advice: str = ""

    def route(self) -> dict[str, Any]:
        """Return the keys of a route that the preset stands for; a new mapping each time."""
        route: dict[str, Any] = {}
        for setting in self.settings:
            inner = route
            for part in setting.key[:-1]:
                inner = inner.setdefault(part, {})
            value = deepcopy(setting.value)
            inner[setting.key[-1]] = list(value) if isinstance(value, tuple) else value
        return route


PRESETS: Mapping[str, Preset] = {
    "json-api": Preset(
        "an API that takes JSON",
        (
            Setting(
                ("methods",),
                ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
                "What REST APIs and browsers that ask them use; anything else is answered 405.",
            ),
            Setting(
                ("content_types",),
                (
                    "application/json",
                    "application/vnd.api+json",
                    "application/merge-patch+json",
                    "application/json-patch+json",
                ),
                "Every body is parsed as JSON, so that the rules see its values. A page of another"
                " site can make a browser send forms and plain text without asking, but not JSON.",
            ),
            Setting(
                ("max_body",),
                "1m",
                "Each value of a JSON body is looked at by hundreds of rules, so its size is what"
                " a request costs.",
            ),
        ),
    ),
    "graphql": Preset(
        "a GraphQL endpoint",
        (
            Setting(
                ("methods",),
                ("GET", "POST", "OPTIONS"),
                "GraphQL over HTTP has these two; OPTIONS is a browser's question before them.",
            ),
            Setting(
                ("content_types",),
                ("application/json",),
                "What GraphQL over HTTP sends. Forms and plain text, which a page of another site"
                " can send, are none; in `application/graphql` the rules cannot tell the query"
                " from the name of a field.",
            ),
            Setting(
                ("max_body",),
                "1m",
                "Queries that people write have a few KB, generated ones rarely 100.",
            ),
            Setting(
                ("waf", "exclusions"),
                tuple(
                    {"tag": tag, "target": target, "reason": f"A query looks like {what}"}
                    for tag, what in (("attack-sqli", "SQL"), ("attack-rce", "a shell command"))
                    for target in ("ARGS:query", "ARGS:json.query")
                ),
                "Of ten ordinary queries the rules refuse 4 to 9, as a shell command or as SQL. The"
                " text of the query is left out there; `variables`, where values belong, are not.",
            ),
        ),
        "Let the app limit how deep and how costly a query may be. A value that a query holds"
        " itself is not looked at by these rules; a list of queries in one request is, and may be"
        " refused.",
    ),
    "upload": Preset(
        "a form with files",
        (
            Setting(
                ("content_types",),
                ("multipart/form-data",),
                "Of a form with files, the rules read fields and file names. A file that is sent"
                " alone, as `application/octet-stream`, would pass unread.",
            ),
            Setting(
                ("max_body",),
                "20m",
                "The most that a container of 512 MiB can hold: ModSecurity copies a body, and a"
                " worker needs 22 times its size.",
            ),
        ),
        "The files themselves are not read by any rule: let the app look into them.",
    ),
    "webhook": Preset(
        "an endpoint that another service calls",
        (
            Setting(("methods",), ("POST",), "Webhooks are sent by POST."),
            Setting(
                ("content_types",),
                (
                    "application/json",
                    "application/x-www-form-urlencoded",
                    "application/cloudevents+json",
                ),
                "What services send. Add `text/plain` for Amazon SNS.",
            ),
            Setting(
                ("waf", "max_arguments"),
                2000,
                "Events that list changes have many values: a push of 90 commits has 2,000. They"
                " cost 0.3 to 0.5 s of CPU, and 10,000 would cost 4.",
            ),
            Setting(
                ("waf", "exclusions"),
                (
                    {
                        "rules": [920310, 920311, 920330, 920600],
                        "reason": "Programs send empty headers",
                    },
                ),
                "An empty `Accept` alone is 7 points and refused, an empty `User-Agent` is 2."
                " Programs are not browsers.",
            ),
        ),
        "Let the app check the signature; where the service publishes its addresses, allow only"
        " these.",
    ),
    "static": Preset(
        "files that are only read",
        (
            Setting(("methods",), ("GET",), "Files are read, not changed. GET includes HEAD."),
            Setting(
                ("max_body",),
                1,
                "No file is asked for with a body. One byte is the least that nginx can be told:"
                " its 0 means any size.",
            ),
            Setting(
                ("waf", "max_arguments"),
                20,
                "A query here holds a version, perhaps a size.",
            ),
        ),
        "Leaving out rules saves little: all of SQL injection a sixth of the CPU at most, four"
        " families a third. `mode: off` saves nine tenths, and then no rule looks.",
    ),
    "admin": Preset(
        "pages for few and known people",
        (
            Setting(
                ("waf", "paranoia_level"),
                2,
                "What is behind these pages is worth more, and who is refused wrongly can tell"
                " you.",
            ),
        ),
        "Say who may come in: nobody else should reach these pages at all.",
    ),
}
