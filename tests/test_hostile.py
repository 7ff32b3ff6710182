"""Hostile text in every field of a spec: an error, or the same set of directives.

The fields are found by walking the model, so that a new one is covered by itself; what a field
of a new kind takes has to be added to `_BENIGN`, or a test says so.
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, PlainValidator
from pydantic.fields import FieldInfo
from specs import APP_ID, NETWORK_ID, OLD, RULES

from waf_builder.check.syntax import directives
from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Target
from waf_builder.errors import WafBuilderError
from waf_builder.problem import errors_in
from waf_builder.render.render import Tree, render
from waf_builder.spec.load import loads
from waf_builder.spec.model import Spec

pytestmark = pytest.mark.together  # what benign values make is the same for all tricks

Path = tuple[str | int, ...]
Shape = tuple[Any, ...]

_BENIGN: dict[str, list[Any]] = {
    "_app_id": [APP_ID, "${X}"],
    "_address_range": ["192.0.2.0/24"],
    "_client_key": ["client_ip", "header:X-Key", "cookie:sid"],
    "_rate": ["20r/s", "30r/m"],
    "_user_name": ["one"],
    "_variable_name": ["WAF_PASSWORD"],
    "_cidr": ["192.0.2.0/24"],
    "_content_type": ["text/plain"],
    "_crs": ["4"],
    "_date": ["2027-03-31"],
    "_duration": ["2s"],
    "_header_value": ["one"],
    "_header": ["X-Client", "X-Forwarded-For"],
    "_host_name": ["www.example.com"],
    "_host": ["a.internal", "192.0.2.1", "${X}"],
    "_host_header": ["preserve", "internal", "www.example.com"],
    "_method": ["GET", "POST", "PURGE"],
    "_network_id": [NETWORK_ID, "${X}"],
    "_share": [0.5],
    "_page": ["page.html"],
    "_path": ["/", "/a"],
    "_plugin_folder": ["a"],
    "_plugin_name": ["wordpress"],
    "_plugin_url": ["https://a.example/b.tar.gz"],
    "_port": [8080, "${X}"],
    "_process": ["api", "${X}"],
    "_reason": ["Why"],
    "_rule_id": [942100],
    "_rule_tag": ["attack-sqli"],
    "_server_name": ["www.example.com"],
    "_sha256": ["0" * 64],
    "_size": ["1m"],
    "_steps": [True, False, ["markers"]],
    "_sticky": ["client_ip", "cookie:sid"],
    "_target": ["ARGS:content", "ARGS:/^item[0-9]+$/", "ARGS"],
    "int": [1, 2],
    "bool": [True, False],
    "str": ["one"],
}
"""What a field of each kind takes; two values where they make different directives."""

_BASE: dict[str, Any] = {
    "backends": {"one": {"host": "a.internal", "port": 80}},
    "routes": [{"path": "/r", "backend": "one"}],
}
_BESIDE: dict[str | int, dict[str, Any]] = {
    "basic_auth": {"user": "one", "password_env": "SITE_PASSWORD"},
    "rate_limit": {"rate": "20r/s"},
}
"""What a mapping cannot do without."""
_PLATFORM = {"process": "api", "port": 80, "app_id": APP_ID, "network_id": NETWORK_ID}
_IDS = {"process", "app_id", "network_id", "index"}


def fields(model: type[BaseModel] = Spec, at: Path = ()) -> Iterator[tuple[Path, list[Any]]]:
    """Yield the path of every field that holds a value, with values that it takes."""
    for name, field in model.model_fields.items():
        yield from _values(_annotation(field), (*at, name))


def _annotation(field: FieldInfo) -> Any:
    """Return the whole annotation; pydantic keeps the outermost validator apart."""
    found: Any = field.annotation
    for extra in field.metadata:
        found = typing.Annotated[found, extra]
    return found


def _values(kind: Any, at: Path) -> Iterator[tuple[Path, list[Any]]]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        validators = [extra for extra in arguments[1:] if isinstance(extra, PlainValidator)]
        if validators:
            yield at, _BENIGN[validators[0].func.__name__]
        else:
            yield from _values(arguments[0], at)
    elif origin in {typing.Union, types.UnionType}:
        yield from _values(arguments[0], at)
    elif origin is Literal:
        yield at, list(arguments)
    elif origin is tuple:
        yield from _values(arguments[0], (*at, 0))
    elif origin is dict:
        yield from _values(arguments[1], (*at, "one"))
    elif issubclass(kind, BaseModel):
        yield from fields(kind, at)
    else:
        yield at, _BENIGN[kind.__name__]


FIELDS = dict(fields())


def with_value(path: Path, value: Any) -> dict[str, Any]:
    """Return a spec that has value at path, with what it needs around it."""
    spec = copy.deepcopy(_BASE)
    if path[0] == "backend":
        del spec["backends"], spec["routes"][0]["backend"]
        spec["backend"] = {"host": "a.internal", "port": 80}
    if path[0] in {"backend", "backends"} and path[-1] in _IDS:
        around = spec["backend"] if path[0] == "backend" else spec["backends"]["one"]
        around.clear()
        around.update(_PLATFORM)
    if path[:2] == ("waf", "plugins"):
        url = {"url": "https://a.example/b.tar.gz"} if path[-1] == "sha256" else {}
        spec["waf"] = {"plugins": [{"name": "one", **url}]}
    found: Any = spec
    for part, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(found, list):
            if not found:
                found.append(empty)
            found = found[part]
        else:
            found = found.setdefault(part, empty)
    if isinstance(found, list):
        found[:] = [value]
    else:
        found[path[-1]] = value
    _complete_exclusion(spec, path)
    _complete_gate(spec, path)
    return spec


def _complete_gate(spec: dict[str, Any], path: Path) -> None:
    """Add what stands beside a value that means nothing alone."""
    found: Any = spec
    for part in path[:-1]:
        found = found[part]
        for name, value in _BESIDE.get(part, {}).items():
            found.setdefault(name, value)
    if path[:2] == ("client_ip", "proxies"):
        spec["client_ip"]["header"] = "X-Forwarded-For"


def _complete_exclusion(spec: dict[str, Any], path: Path) -> None:
    """Add what an exclusion cannot do without to the one that path leads into."""
    if "exclusions" not in path:
        return
    found: Any = spec
    for part in path[: path.index("exclusions") + 2]:
        found = found[part]
    found.setdefault("reason", "Why")
    if not found.keys() & {"rule", "rules", "tag"}:
        found["rule"] = 942100


def rendered(spec: dict[str, Any], target: Target = NEWEST) -> Tree | None:
    """Return the tree of a spec, or None for one with errors; anything else is raised."""
    loaded, problems = loads(json.dumps(spec), "backend.yaml", {})
    if loaded is None or errors_in(problems):
        assert errors_in(problems)
        return None
    try:
        return render(build(loaded, target, index=RULES))
    except WafBuilderError:
        return None


_DIRECTIVE = re.compile(r"^\s*(Sec\w+|Include\w*)\b", re.MULTILINE)
_RULE_ID = re.compile(r"\bid:(\d+)")


@functools.lru_cache(maxsize=1000)  # most values change nothing in nginx's own files
def _directives(text: str) -> Shape:
    return tuple(directives(text))


def shape(tree: Tree) -> Shape:
    """Return every directive of a tree, without its values."""
    return (
        _directives(tree["nginx.conf"]),
        _directives(f"http {{ {tree.get('boot/backends.conf', '')} }}"),
        tuple(
            (_DIRECTIVE.findall(text), _RULE_ID.findall(text), _quotes(text))
            for name, text in sorted(tree.items())
            if name.startswith("modsecurity/")
        ),
        tuple(len(line.split(" ")) for line in tree["boot/fields"].splitlines()),
        tuple(len(line.split(" ")) for line in tree.get("boot/passwords", "").splitlines()),
        all(
            re.fullmatch(r"[0-9a-f.:/]+ [01];", line)
            for name, text in tree.items()
            if name.startswith("access/")
            for line in text.splitlines()
        ),
        sorted(name for name in tree if not name.startswith("modsecurity/routes/")),
    )


def _quotes(text: str) -> bool:
    """Say whether every directive closes the quotes that it opens."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return all(
        len(re.findall(r'(?<!\\)"', line)) % 2 == 0 and line.count("'") % 2 == 0
        for line in lines
        if not line.lstrip().startswith("#")
    )


def without(path: Path) -> dict[str, Any]:
    """Return the spec that `with_value` makes, with nothing at path."""
    spec = with_value(path, None)
    found: Any = spec
    for part in path[:-1]:
        found = found[part]
    del found[path[-1]]
    return spec


@functools.cache
def benign_shapes(path: Path, target: Target) -> list[Shape]:
    # A value that equals the default is no different from none.
    specs = [without(path), *(with_value(path, value) for value in FIELDS[path])]
    trees = [rendered(spec, target) for spec in specs]
    return [shape(tree) for tree in trees if tree is not None]


def test_every_field_takes_one_of_its_benign_values():
    """Without it, the tests below could compare with nothing."""
    assert len(FIELDS) > 60
    for path in FIELDS:
        assert benign_shapes(path, NEWEST), path


def test_every_field_of_the_model_is_reached():
    leaves = {path[-1] if isinstance(path[-1], str) else path[-2] for path in FIELDS}

    def names(model: type[BaseModel]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = re.findall(r"waf_builder\.spec\.model\.(\w+)", str(field.annotation))
            if not inner:
                yield name

    for model in {Spec, *Spec.__subclasses__()}:
        assert set(names(model)) <= leaves


HOSTILE = [
    "; autoindex on",
    "x; autoindex on;",
    '"; autoindex on; "',
    "'; autoindex on; '",
    "{ autoindex on; }",
    "} server { listen 1; }",
    "a\nautoindex on;",
    "a\r\nautoindex on;",
    "a\x00b",
    "\\",
    'a\\"; autoindex on; #',
    "$host",
    "${host}",
    "${PATH}",
    "${X:-a; autoindex on;}",
    "@PORT@",
    "# comment",
    "a #",
    "a b",
    "a\tb",
    "../../etc/passwd",
    "lua_code",
    "::1%; autoindex on;",
    "fe80::%; autoindex on;/64",
    "a'\"\nSecRuleEngine Off",
    "a,ctl:ruleEngine=Off",
    "a',ctl:ruleEngine=Off,setvar:'tx.b=1",
    '"\nSecRuleEngine Off\n"',
    "%{tx.a}",
    "a|b",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "<script>",
    "\u2028autoindex on;",
    "é\x85b",
    "\ufeff",
    "\U0001f600",
    "-",
    "",
    " ",
    "a" * 5000,
    "/" + "a" * 5000,
    "default",
    "localhost default_server",
    "~^.*$",
    "*",
    "_",
    "proxy_protocol",
    "/ ~ /a {",
    "off",
]


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
def test_known_tricks(path: Path):
    shapes = benign_shapes(path, NEWEST)
    for value in [*HOSTILE, *(prefix + trick for prefix in ("/", "a.") for trick in HOSTILE)]:
        tree = rendered(with_value(path, value))
        if tree is not None:
            assert shape(tree) in shapes, value


_GOOD = st.sampled_from(sorted({str(value) for values in FIELDS.values() for value in values}))
_TEXT = st.lists(
    st.sampled_from(HOSTILE)
    | _GOOD
    | st.text(max_size=8)
    | st.sampled_from(list(";{}\"'\\$#\n/.")),
    min_size=1,
    max_size=4,
).map("".join)


@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(sorted(FIELDS, key=str)), value=_TEXT, old=st.booleans())
def test_any_text_in_any_field(path: Path, value: str, old: bool):
    target = OLD if old else NEWEST
    tree = rendered(with_value(path, value), target)
    if tree is not None:
        assert shape(tree) in benign_shapes(path, target)


@settings(max_examples=150)
@given(name=_TEXT, where=st.sampled_from(["backend", "key", "waf key"]))
def test_any_text_as_a_name(name: str, where: str):
    spec = copy.deepcopy(_BASE)
    if where == "backend":
        spec["backends"] = {name: spec["backends"]["one"]}
        spec["routes"][0]["backend"] = name
    elif where == "key":
        spec[name] = 1
    else:
        spec["waf"] = {name: 1}
    tree = rendered(spec)

    assert tree is None or shape(tree) == shape(rendered(_BASE))


@settings(max_examples=150)
@given(values=st.dictionaries(st.sampled_from(sorted(FIELDS, key=str)), _GOOD | _TEXT, max_size=4))
def test_several_fields_at_once(values: dict[Path, str]):
    spec = copy.deepcopy(_BASE)
    for path, value in values.items():
        if path[0] == "backend":
            continue
        changed = with_value(path, value)
        spec[path[0]] = changed[path[0]]
    tree = rendered(spec)

    if tree is not None:
        assert set(_directives(tree["nginx.conf"])) <= known_directives()


@functools.cache
def known_directives() -> set[Any]:
    return {name for path in FIELDS for one in benign_shapes(path, NEWEST) for name in one[0]}


_YAML = st.lists(
    st.sampled_from(
        [
            *(f"{name}: " for name in Spec.model_fields),
            *"[]{}:,-?!&*#|>'\"%@`\n ",
            "\n  ",
            "\n    ",
            "- ",
            "one: ",
            "host: a",
            "port: 80",
            "path: /",
            "<<: ",
            "*a",
            "&a ",
            "!!str ",
            "${X}",
            "${X:-1}",
            "010",
            "yes",
            "---\n",
            "\t",
            "\x00",
            "é",
        ]
    )
    | st.text(max_size=6),
    max_size=30,
).map("".join)


@settings(max_examples=500)
@given(text=_YAML)
def test_any_text_as_a_spec(text: str):
    spec, problems = loads(text, "backend.yaml", {"X": "1"})

    assert spec is not None or problems
    if spec is not None and not errors_in(problems):
        assert directives(render(build(spec))["nginx.conf"])


@settings(max_examples=150)
@given(value=st.text(max_size=12), field=st.sampled_from(["host", "port", "process", "app_id"]))
def test_any_text_in_the_environment(value: str, field: str):
    around = dict(_PLATFORM) if field != "host" else {"port": 80}
    text = json.dumps({"backend": {**around, field: "${HOSTILE}"}})
    spec, problems = loads(text, "backend.yaml", {"HOSTILE": value})
    benign, _ = loads(text, "backend.yaml", {"HOSTILE": str(FIELDS["backend", field][0])})
    if spec is not None and not errors_in(problems):
        if value:
            assert shape(render(build(spec))) == shape(render(build(benign))) or field == "host"
            found = set(directives(render(build(spec))["nginx.conf"]))
            assert found <= set(directives(render(build(benign))["nginx.conf"]))
        else:  # left for boot
            assert render(build(spec))["boot/fields"]
