"""The Core Rule Set project's regression tests, read from their YAML in both of its forms.

https://github.com/coreruleset/ftw-tests-schema describes them. The older form has `stage:` around
each stage, `test_title` for an id, and looks for text in the log instead of ids.

Where a request goes (dest_addr, port, protocol) is for the run to say. It pairs each request with
its own record, so that nothing has to be tried again (retry_once).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from waf_builder.problem import Place
from waf_builder.suite.document import Document, SuiteError, read_document

_REPEAT = re.compile(r'\{\{ "(.*?)" \| repeat (\d+) \}\}')
_RULE = re.compile(r"\d{6}")

_Types = tuple[type, ...]
_INPUT: Mapping[str, _Types] = {
    "autocomplete_headers": (bool,),
    "data": (str, list),
    "dest_addr": (str,),
    "encoded_request": (str,),
    "follow_redirect": (bool,),
    "headers": (dict,),
    "method": (str,),
    "ordered_headers": (list,),
    "port": (int,),
    "protocol": (str,),
    "raw_request": (str,),
    "stop_magic": (bool,),
    "uri": (str,),
    "version": (str,),
}
_OUTPUT: Mapping[str, _Types] = {
    "expect_error": (bool,),
    "isolated": (bool,),
    "log": (dict,),
    "log_contains": (str,),
    "no_log_contains": (str,),
    "response_contains": (str,),
    "retry_once": (bool,),
    "status": (int, list),
}
_LOG: Mapping[str, _Types] = {
    "expect_ids": (list,),
    "match_regex": (str,),
    "no_expect_ids": (list,),
    "no_match_regex": (str,),
}
_CALLED = {
    bool: "true or false",
    dict: "a mapping",
    int: "a number",
    list: "a list",
    str: "a text",
}


@dataclass(frozen=True)
class Input:
    """One request. raw: its bytes, where the test gives them; nothing else counts then.

    completes: whether the headers that a client has to send are added where they are missing.
    redirected: whether it goes where the answer before it pointed to.
    """

    method: str = "GET"
    uri: str = "/"
    version: str = "HTTP/1.1"
    headers: tuple[tuple[str, str], ...] = ()
    data: bytes = b""
    raw: bytes | None = None
    completes: bool = True
    redirected: bool = False


@dataclass(frozen=True)
class Output:
    """What must come of a request; whatever is empty is not looked at.

    error: whether there must be no answer that is HTTP. isolated: no other rule may match.
    """

    status: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    no_rules: tuple[int, ...] = ()
    log: str = ""
    no_log: str = ""
    response: str = ""
    error: bool = False
    isolated: bool = False


@dataclass(frozen=True)
class Stage:
    """A request and what must come of it."""

    input: Input
    output: Output


@dataclass(frozen=True)
class Case:
    """One test. skipped: why it cannot be run, empty when it can. place: where it stands."""

    id: str
    stages: tuple[Stage, ...]
    skipped: str = ""
    place: Place | None = field(default=None, compare=False)


def load(folder: Path) -> list[Case]:
    """Return the tests of every YAML file below a folder, in the order of their files.

    `nginx-overrides.yaml` beside the folder says what the project itself expects from nginx.
    """
    overrides = _overrides(folder.resolve().parent / "nginx-overrides.yaml")
    files = sorted(file for file in folder.rglob("*.y*ml") if file.suffix in {".yaml", ".yml"})
    found = [case for file in files for case in _read(file, overrides)]
    if not found:
        raise SuiteError(f"{folder}: no tests")
    seen: dict[str, int] = {}
    for index, case in enumerate(found):
        seen[case.id] = seen.get(case.id, 0) + 1
        if seen[case.id] > 1:
            found[index] = replace(case, id=f"{case.id}({seen[case.id]})")
    return found


def _read(file: Path, overrides: Mapping[str, Output]) -> Iterator[Case]:
    return cases(read_document(file), overrides)


def cases(document: Document, overrides: Mapping[str, Output]) -> Iterator[Case]:
    """Yield the tests below `tests` of a document. overrides: other outputs, by id."""
    data, file = document.data, document.file
    meta = data.get("meta") or {}
    if not isinstance(meta, dict):
        raise SuiteError(f"{file}: `meta` is {meta!r}, expected a mapping")
    disabled = meta.get("enabled") is False
    rule = str(data.get("rule_id") or "".join(_RULE.findall(Path(file).name)[:1]))
    tests = data.get("tests") or []
    if not isinstance(tests, list):
        raise SuiteError(f"{file}: `tests` is no list of tests")
    for number, test in enumerate(tests, 1):
        place = document.place("tests", number - 1)
        try:
            _require(test, dict, "it")
            name = str(test.get("test_title") or f"{rule}-{test.get('test_id', number)}")
            stages = tuple(map(_stage, _require(test["stages"], list, "`stages`")))
        except (KeyError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise SuiteError(f"{place}: this is no test: {what}") from error
        if name in overrides:
            stages = tuple(replace(stage, output=overrides[name]) for stage in stages)
        yield Case(name, stages, "the file is disabled" if disabled else "", place)


def _overrides(file: Path) -> dict[str, Output]:
    if not file.is_file():
        return {}
    document = read_document(file).data
    return {
        f"{one['rule_id']}-{test}": _output(one.get("output") or {})
        for one in document["test_overrides"]
        for test in one["test_ids"]
    }


def _stage(given: Any) -> Stage:
    _require(given, dict, "a stage")
    stage = _require(given.get("stage", given), dict, "`stage`")
    parsed = Stage(_input(stage["input"]), _output(stage.get("output") or {}))
    if "stage" in given and not parsed.input.data:
        # The runner of the older form announced a body only where there was one.
        return replace(parsed, input=replace(parsed.input, completes=False))
    return parsed


def _input(given: Any) -> Input:
    given = _known(given, _INPUT, "`input`")
    raw = None
    if "encoded_request" in given:
        raw = base64.b64decode(given["encoded_request"])
    elif "raw_request" in given:
        raw = given["raw_request"].encode()
    data = given.get("data", "")
    if isinstance(data, list):
        data = "\r\n".join(map(str, data))
    headers = [(str(name), str(value)) for name, value in given.get("headers", {}).items()]
    for one in given.get("ordered_headers", ()):
        _require(one, dict, "one of `ordered_headers`")
        headers.append((str(one["name"]), str(one["value"])))
    return Input(
        method=given.get("method", "GET"),
        uri=given.get("uri", "/"),
        version=given.get("version", "HTTP/1.1"),
        headers=tuple(headers),
        # The one function of the runner's template language that the tests use.
        data=_REPEAT.sub(lambda found: found[1] * int(found[2]), data).encode(),
        raw=raw,
        completes=given.get("autocomplete_headers", not given.get("stop_magic", False)),
        redirected=given.get("follow_redirect", False),
    )


def _output(given: Any) -> Output:
    given = _known(given, _OUTPUT, "`output`")
    log = _known(given.get("log", {}), _LOG, "`log`")
    status = given.get("status", [])
    return Output(
        status=_numbers(status if isinstance(status, list) else [status], "status"),
        rules=_numbers(log.get("expect_ids", []), "expect_ids"),
        no_rules=_numbers(log.get("no_expect_ids", []), "no_expect_ids"),
        log=_pattern(log.get("match_regex") or given.get("log_contains", "")),
        no_log=_pattern(log.get("no_match_regex") or given.get("no_log_contains", "")),
        response=_pattern(given.get("response_contains", "")),
        error=given.get("expect_error", False),
        isolated=given.get("isolated", False),
    )


def _known(given: Any, known: Mapping[str, _Types], called: str) -> dict[str, Any]:
    """Return the keys of a mapping that have a value, each of its type; ValueError otherwise."""
    _require(given, dict, called)
    if unknown := set(map(str, given)) - set(known):
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    kept = {key: value for key, value in given.items() if value is not None}
    for key, value in kept.items():
        _require(value, known[key], f"`{key}`")
    return kept


def _require(value: Any, types: type | _Types, called: str) -> Any:
    expected = types if isinstance(types, tuple) else (types,)
    if type(value) not in expected:
        words = " or ".join(_CALLED[one] for one in expected)
        raise ValueError(f"{called} is {value!r}, expected {words}")
    return value


def _numbers(values: Sequence[Any], key: str) -> tuple[int, ...]:
    return tuple(_require(value, int, f"one of `{key}`") for value in values)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text
