"""Every problem code with what it says, read from the calls that report it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .fences import ROOT

_CODE = re.compile(r"[a-z]+\.[a-z0-9]+(?:-[a-z0-9]+)*")
_USUAL = ("code", "message", "place", "hint", "severity")
_ORDERS = {
    "Problem": _USUAL,
    "problem": _USUAL,
    "_report": _USUAL,
    "_refused": _USUAL,
    "fail": ("code", "message", "hint"),
    "matching": ("code", "value", "pattern", "expected", "hint"),
}
"""The parameters of each function that reports, where a module has not its own of that name."""
_ROOMS = (
    ("yaml", "The file is not YAML as a spec may be"),
    ("spec", "The spec"),
    ("config", "What the engine's versions cannot do"),
    ("override", "Files beside the spec"),
    ("plugin", "Plugins of the Core Rule Set"),
    ("render", "Templates"),
    ("nginx", "nginx.conf, read by crossplane"),
    ("security", "nginx.conf, read by gixy-ng"),
    ("seclang", "Rules"),
    ("engine", "The engine, and what it says itself"),
    ("crs", "The Core Rule Set"),
    ("check", "A folder that was rendered"),
    ("proof", "Real requests"),
    ("diff", "Two specs, locks or rule sets"),
)
"""Titles, in the order in which a spec meets them; any other stage stands at the end."""

BY_HAND = {
    "spec.app-id": ("… is not an application id, expected `ap-<uuid>`", ""),
    "spec.app-id-prefix": ("… lacks its prefix, expected `ap-…`", ""),
    "spec.app-id-case": ("… has capitals, expected …", ""),
    "spec.network-id": ("… is not a private network id, expected `pn-<uuid>`", ""),
    "spec.network-id-prefix": ("… lacks its prefix, expected `pn-…`", ""),
    "spec.network-id-case": ("… has capitals, expected …", ""),
    "spec.route-host": (
        "… is not a host name, expected one such as www.example.com or \\*.example.com",
        "A host stands without scheme, port and path.",
    ),
    "spec.host-name": (
        "… is not a host name, expected one such as www.example.com",
        "A host stands without scheme, port and path.",
    ),
    "spec.ids-swapped": (
        "… is not an application id; … is not a private network id",
        "It looks like the value of the other: app_id starts with ap-, network_id with pn-.",
    ),
    "spec.environment": (
        "a variable stands where none can, is written wrongly, or gives no name or id",
        "`${NAME}` or `${NAME:-default}`, in process, port, app_id, network_id or host",
    ),
    "spec.choice": ("… is …, expected one of a few words", "Did you mean …?"),
    "spec.range": ("… is …, expected … or more; or at most …", ""),
    "spec.type": ("… is …, expected text, a number, a list, a mapping", ""),
    "config.balance-needs-resolve": ("the backend … has balance, which needs nginx 1.27.3", ""),
    "config.sticky-needs-resolve": ("the backend … has sticky, which needs nginx 1.27.3", ""),
    "nginx.arguments": ("a directive has too many arguments, too few, or others", ""),
    "nginx.context": ("a directive stands where it may not", ""),
    "nginx.syntax": ("what crossplane says: a brace too many, for example", ""),
    "nginx.unexpected-end": (
        "the file ends inside a directive or a block",
        "A `;`, a `}` or a closing quote is missing above.",
    ),
    "engine.host-not-found": ("nginx looked a name up at start, and it was not there", ""),
    "engine.module": ("nginx and the ModSecurity module do not fit together", ""),
    "engine.config": ("what `nginx -t` says of nginx.conf", ""),
    "engine.seclang": ("what libmodsecurity says of a rule", ""),
    "engine.warning": ("what `nginx -t` warns of", ""),
    "seclang.unknown-directive": ("unknown directive …", "Did you mean …?"),
    "seclang.unknown-variable": ("unknown variable …", "Did you mean …?"),
    "seclang.unknown-operator": ("unknown operator …", "Did you mean …?"),
    "seclang.unknown-action": ("unknown action …", "Did you mean …?"),
    "seclang.unknown-transformation": ("unknown transformation …", "Did you mean …?"),
}
"""Codes that are put together while running, and messages that are somebody else's."""

ELSEWHERE = "security.<plugin>"
"""gixy-ng's plugins give these their names and words."""


@dataclass(frozen=True)
class Report:
    """One way in which a code is reported; `…` stands for what depends on the case."""

    code: str
    message: str
    hint: str
    severity: str
    file: Path


@cache
def reports() -> list[Report]:
    """Return every report in the package whose code stands in the source."""
    files = sorted((ROOT / "waf_builder").rglob("*.py"))
    return [report for file in files for report in _reports(file)]


@cache
def codes() -> dict[str, Report]:
    """Return each code with the first of its reports."""
    found: dict[str, Report] = {}
    for report in reports():
        known = found.get(report.code)
        if known is None or not known.message:
            found[report.code] = report
    for code, (message, hint) in BY_HAND.items():
        severity = found[code].severity if code in found else "error"
        found[code] = Report(code, message, hint, severity, Path())
    return found


def problem_tables() -> str:
    """Return a table of codes for each stage."""
    known = codes()
    tables = []
    others = {code.partition(".")[0] for code in known} - {room for room, _ in _ROOMS}
    for room, title in (*_ROOMS, *((room, f"`{room}`") for room in sorted(others))):
        rows = [known[code] for code in sorted(known) if code.startswith(f"{room}.")]
        lines = [f"### {title}", "", "| code | says | way out |", "|---|---|---|"]
        lines += [f"| `{one.code}`{_weight(one)} | {one.message} | {one.hint} |" for one in rows]
        if room == "security":
            lines.append(f"| `{ELSEWHERE}` | what gixy-ng found, in its words | its own page |")
        tables.append("\n".join([*lines, ""]))
    return "\n".join(tables)


def _weight(report: Report) -> str:
    return "" if report.severity == "error" else f" ({report.severity})"


def _reports(file: Path) -> Iterator[Report]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    orders = {**_ORDERS, **dict(_own_orders(tree))}
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.Module)):
            nodes = list(_own_nodes(function))
            for node in nodes:
                if isinstance(node, ast.Call) and _name(node) in _ORDERS:
                    yield from _report(node, _assigned(nodes, node.lineno), orders, file)


def _own_orders(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the parameters of the functions of this module that report."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in _ORDERS:
            names = tuple(argument.arg for argument in node.args.args)
            if "code" in names:
                yield node.name, names[names.index("code") :]


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of functions in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _assigned(nodes: Sequence[ast.AST], line: int) -> dict[str, ast.expr]:
    """Return what each local name was last given above a line."""
    return {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and node.lineno < line
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _report(
    call: ast.Call,
    names: dict[str, ast.expr],
    orders: Mapping[str, tuple[str, ...]],
    file: Path,
) -> Iterator[Report]:
    name = _name(call)
    if not call.args or not isinstance(call.args[0], ast.Constant):
        return
    code = str(call.args[0].value)
    in_seclang = name in {"problem", "_report"}
    if in_seclang and re.fullmatch("[a-z]+(?:-[a-z]+)*", code):
        code = f"seclang.{code}"
    if not _CODE.fullmatch(code):
        return
    arguments = {word.arg: word.value for word in call.keywords}
    order = orders[name]
    arguments |= dict(zip(order, call.args, strict=False))
    message = _text(arguments.get("message"), names)
    if name == "matching":
        noun, _, example = _text(arguments["expected"], names).partition(" such as ")
        message = f"… is not {noun}, expected one such as {example}"
    severity = arguments.get("severity")
    yield Report(
        code,
        message,
        _text(arguments.get("hint"), names),
        severity.attr.lower() if isinstance(severity, ast.Attribute) else "error",
        file,
    )


def _text(node: ast.expr | None, names: dict[str, ast.expr], depth: int = 3) -> str:
    """Return an expression's text for a table; empty where it is not written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
        text = "".join(map(str, parts))
    elif isinstance(node, ast.Name) and depth and node.id in names:
        return _text(names[node.id], names, depth - 1)
    elif isinstance(node, ast.BoolOp):
        return " ".join(filter(None, (_text(one, names, depth) for one in node.values)))
    elif isinstance(node, ast.BinOp):
        return _text(node.left, names, depth) + _text(node.right, names, depth)
    else:
        return ""
    escaped = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("_", "\\_")
