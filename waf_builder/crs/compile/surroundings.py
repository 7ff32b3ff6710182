"""What else the engine loads: the files of a rendered tree around the rule set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from waf_builder.crs.compile.reading import Part
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.problem import Place
from waf_builder.seclang import read

MAIN = "modsecurity/main.conf"
_BRAKE = "@BRAKE@"
_LOADS = re.compile(r"\bmodsecurity_rules(?P<kind>\w*)\s+(?P<what>[^;]*);")


def surround(tree: Mapping[str, str], rule_set: str, ours: Mapping[str, str]) -> list[Part]:
    """Return everything that the engine loads, in its order, with the rule set in its place.

    rule_set: what `Include` names it in main.conf. ours: its files, name to text.
    Routes' own files come first: a location's rules run before its parent's. Refusal names a
    file that is not in the tree, and rules that stand in nginx's own files. Of routes with the
    same text one speaks for all.
    """
    loaded = list(_included(tree, MAIN, rule_set, ours))
    reached = {MAIN, *(part.name for part in loaded)}
    if not any(part.ours for part in loaded):
        raise Refusal(f"a main.conf without `Include {rule_set}`", Place(MAIN))
    of_routes = {_text(tree, name): name for name in sorted(_of_nginx(tree) - reached)}
    return [*(Part(name, text, always=False) for text, name in of_routes.items()), *loaded]


def _of_nginx(tree: Mapping[str, str]) -> set[str]:
    found = set()
    for name, text in tree.items():
        if not name.endswith(".conf") or name.startswith("modsecurity/"):
            continue
        for match in _LOADS.finditer(text):
            what = match["what"].strip().strip("'\"")
            if match["kind"] != "_file" or what not in tree:
                raise Refusal(f"the rules in {name}: modsecurity_rules{match['kind']}")
            found.add(what)
    return found


def _included(
    tree: Mapping[str, str], name: str, rule_set: str, ours: Mapping[str, str]
) -> Iterator[Part]:
    for directive in read(_text(tree, name), name).directives:
        if directive.key != "include":
            here = directive.source.text[directive.span.start : directive.span.end]
            yield Part(name, here + "\n")
            continue
        what = directive.arguments[0].text if directive.arguments else ""
        if what == rule_set:
            yield from (Part(file, text, ours=True) for file, text in sorted(ours.items()))
        else:
            yield Part(_path(tree, what), _text(tree, _path(tree, what)))


def _path(tree: Mapping[str, str], included: str) -> str:
    """Return the file of the tree that an Include of main.conf reaches."""
    name = included.replace("runtime/", "boot/", 1)
    for path in (name, f"modsecurity/{name}"):
        if path in tree:
            return path
    raise Refusal(f"the file {included}, which main.conf includes")


def _text(tree: Mapping[str, str], name: str) -> str:
    # Lines of the brake count as there: start-waf takes the token away when it is pulled.
    return tree[name].replace(_BRAKE, "")
