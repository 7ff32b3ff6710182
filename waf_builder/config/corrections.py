"""The corrections: for each, what an attack has to look like for its rules to be of use.

The rules keep their ids, their score and their paranoia level; they are left out only for a
request in which nothing looks like what they are for. So a correction is not an exclusion: a
target that is not needed by one field stays inspected for every other request.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from waf_builder.config import shapes
from waf_builder.config.model import Correction, Look, Target
from waf_builder.config.model.target import CRS_3, CRS_4
from waf_builder.spec.model import Corrections, Spec, SpecModel

FIRST_ID = 90400
"""Of the rules that the corrections are made of; ids do not depend on the rule set."""


@dataclass(frozen=True)
class _Look:
    """What a rule of a correction looks at, for what.

    sets: variables to set where it is found; left out, the one that says that the rules are needed.
    only_if: a variable without which there is nothing to see.
    """

    variables: str
    operator: str
    transformations: str = "t:none"
    sets: tuple[str, ...] = ()
    only_if: str = ""


@dataclass(frozen=True)
class _Entry:
    """One row of the table.

    rules: what is left out, for each major version of the Core Rule Set that has the rules.
    always: the major versions for which it is asked even where screens have found nothing: they do
        not stand for rules with multiMatch, nor for rules that are large and alike no other. Where
        this look finds nothing, such a rule costs nothing.
    """

    name: str
    reason: str
    looks: tuple[_Look, ...]
    rules: dict[int, tuple[str, ...]]
    always: tuple[int, ...] = ()


def _ids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"ruleRemoveById={number}" for number in numbers)


TABLE = (
    _Entry(
        "apostrophe_in_file_names",
        "File names have apostrophes; only quotes, = and ; could end a name early.",
        (_Look("FILES", shapes.FILE_NAME), _Look("FILES_NAMES", shapes.FIELD_NAME)),
        {CRS_3: _ids(920120), CRS_4: _ids(920120)},
    ),
    _Entry(
        "documents_by_ending",
        "Files of settings are known by their whole name; a document or picture is none of them.",
        (_Look(shapes.FILE_NAMES, shapes.FILE_OF_SETTINGS),),
        {CRS_3: _ids(932180), CRS_4: _ids(932180)},
    ),
    _Entry(
        "dollar_words",
        "Operators of MongoDB are keys of objects; GraphQL and OData have other dollar words.",
        (_Look(shapes.ARGS, shapes.MONGO_KEY, "t:none,t:urlDecodeUni"),),
        {CRS_4: _ids(942290)},
    ),
    _Entry(
        "commands_in_prose",
        "Without a separator, an option or a path, the name of a command of Unix is a word.",
        (_Look(shapes.ARGS, shapes.UNIX_COMMAND),),
        {CRS_3: _ids(932100, 932105), CRS_4: _ids(932230, 932235)},
        always=(CRS_4,),
    ),
    _Entry(
        "commands_in_prose",
        "base64 and other words that stand alone are no command, unless more follows.",
        (_Look(shapes.ARGS, shapes.SOLE_COMMAND),),
        {CRS_4: _ids(932260)},
        always=(CRS_4,),
    ),
    _Entry(
        "commands_in_prose",
        "Without a separator, an option or a path, the name of a command of Windows is a word.",
        (_Look(shapes.ARGS, shapes.WINDOWS_COMMAND),),
        {CRS_3: _ids(932110, 932115), CRS_4: _ids(932370, 932380)},
        always=(CRS_4,),
    ),
    _Entry(
        "powershell_in_prose",
        "PowerShell that runs something is told what: an option, a script or an expression.",
        (_Look(shapes.ARGS, shapes.POWERSHELL),),
        {CRS_3: _ids(932120), CRS_4: _ids(932120)},
    ),
    _Entry(
        "functions_in_prose",
        "A word, a blank and words in brackets are a sentence.",
        (
            _Look(
                f"{shapes.ARGS}|REQUEST_FILENAME",
                shapes.CALL,
                "t:none,t:htmlEntityDecode,t:jsDecode",
            ),
        ),
        {CRS_4: _ids(941390)},
    ),
    _Entry(
        "harmless_urls",
        "An image in base64 and javascript:void(0) run nothing.",
        (_Look(shapes.MARKUP, shapes.URL_THAT_RUNS, shapes.MARKUP_DECODED),),
        {
            CRS_3: _ids(941130, 941170, 941210),
            CRS_4: _ids(934170, 941130, 941170, 941210),
        },
    ),
    _Entry(
        "csp_reports",
        "A report quotes the policy, and policies name schemes such as data:.",
        (_Look(shapes.CONTENT_TYPE, shapes.NOT_CSP, "t:none,t:lowercase"),),
        dict.fromkeys(
            (CRS_3, CRS_4),
            ("ruleRemoveTargetById=941170;ARGS:json.csp-report.original-policy",),
        ),
    ),
    _Entry(
        "http_in_prose",
        "A request inside a request begins a line; a line of a log names one in its middle.",
        (
            _Look(
                f"{shapes.ARGS}|REQUEST_BODY",
                shapes.HTTP_LINE,
                "t:none,t:htmlEntityDecode,t:lowercase",
            ),
        ),
        {CRS_3: _ids(921110, 921130), CRS_4: _ids(921110, 921130)},
    ),
    _Entry(
        "sql_without_words",
        "Names, numbers and signs without a word of SQL are no statement.",
        (
            _Look(
                f"{shapes.ARGS}|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer",
                "@detectSQLi",
                "t:none,t:utf8toUnicode,t:urlDecodeUni,t:removeNulls,capture",
                sets=("waf_sqli_%{TX.0}", "waf_sqli"),
            ),
            # A variable by a pattern: it is compiled for each request that gets there.
            _Look(shapes.STATEMENT, "@gt 0", only_if="waf_sqli"),
        ),
        {CRS_3: _ids(942100), CRS_4: _ids(942100)},
        always=(CRS_3, CRS_4),
    ),
    _Entry(
        "sql_verbs_in_prose",
        "After a semicolon, a verb of SQL and an article are a sentence.",
        (_Look(shapes.ARGS, shapes.SQL_AFTER_SEMICOLON, "t:none,t:urlDecodeUni"),),
        {CRS_3: _ids(942350), CRS_4: _ids(942350)},
    ),
    _Entry(
        "csv_quotes",
        "A quote and a semicolon are how CSV ends a field.",
        (
            _Look(shapes.CONTENT_TYPE, shapes.NOT_CSV, "t:none,t:lowercase"),
            _Look("&REQUEST_HEADERS:Content-Type", "@eq 0"),
        ),
        {CRS_4: _ids(942540)},
    ),
)


def build_corrections(spec: Spec, target: Target) -> tuple[Correction, ...]:
    """Return every correction that some route has and the target's rule set needs."""
    wanted = listed(spec.waf.corrections, [one.waf.corrections for one in spec.routes])
    major = CRS_4 if target.has_crs_4 else CRS_3
    ids = itertools.count(FIRST_ID)
    found = []
    for number, entry in enumerate(TABLE, 1):
        needed = f"waf_needed_{number}"
        looks = tuple(
            Look(
                next(ids),
                look.variables,
                look.operator,
                look.transformations,
                look.sets or (needed,),
                look.only_if,
            )
            for look in entry.looks
        )
        id_ = next(ids)
        if entry.name in wanted and major in entry.rules:
            rules, always = entry.rules[major], major in entry.always
            found.append(Correction(id_, entry.name, entry.reason, needed, looks, rules, always))
    return tuple(sorted(found, key=lambda each: not each.always))


def listed(common: SpecModel, routes: Iterable[SpecModel | None]) -> set[str]:
    """Return the names that are true for all routes or for any of them."""
    own = {name for one in routes if one for name in one.model_fields_set if getattr(one, name)}
    return own | {name for name, on in common if on}


def switched_off(corrections: Corrections) -> tuple[tuple[str, str], ...]:
    """Return the variables with which a policy says that the rules are needed all the same."""
    return tuple(
        (f"waf_needed_{number}", "1")
        for number, entry in enumerate(TABLE, 1)
        if not getattr(corrections, entry.name)
    )
