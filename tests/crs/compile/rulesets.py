"""Small rule sets for the compiler: what stands around them, and what is left of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from waf_builder.crs.compile.alone import asked_alone
from waf_builder.crs.compile.compile import run_passes
from waf_builder.crs.compile.manifest import Step
from waf_builder.crs.compile.passes import PASSES
from waf_builder.crs.compile.reading import Part, read_rules
from waf_builder.crs.compile.screenfile import screens_text
from waf_builder.crs.compile.screens import screens
from waf_builder.crs.compile.writing import write
from waf_builder.seclang import Document

FILE = "rules.conf"
SETUP = 'SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=1,setvar:tx.other=3"\n'
LEVEL = "TX:LEVEL"


def skip(number: int, level: int, to: str = "END", phase: int = 2) -> str:
    """Return a rule that skips where the level is lower."""
    condition = f'SecRule {LEVEL} "@lt {level}"'
    return f"{condition} \"id:{number},phase:{phase},pass,nolog,skipAfter:'{to}'\"\n"


def rule(number: int, *actions: str, phase: int = 2, variables: str = "ARGS") -> str:
    """Return a rule that matches or not."""
    listed = ",".join([f"id:{number}", f"phase:{phase}", "block", *actions])
    return f'SecRule {variables} "@rx x" "{listed}"\n'


def compiled(
    text: str,
    *,
    before: str = SETUP,
    after: str = "",
    route: str = "",
    names: Collection[str] = tuple(PASSES),
) -> tuple[str, list[Step]]:
    """Return what the compiler makes of a rule set of one file, and what it did."""
    parts = [
        Part("route.conf", route, always=False),
        Part("before.conf", before),
        Part(FILE, text, ours=True),
        Part("after.conf", after),
    ]
    rules, steps = run_passes(read_rules(parts), names)
    return write(_ours(parts), rules).get(FILE, ""), steps


def screened(text: str, **around: str) -> tuple[str, str]:
    """Return what the compiler makes of a rule set of one file, and its screens."""
    parts = [
        Part("before.conf", around.get("before", "")),
        Part(FILE, text, ours=True),
        Part("modsecurity/corrections.conf", around.get("corrections", "")),
        Part("after.conf", around.get("after", "")),
    ]
    rules, _ = run_passes(read_rules(parts), ["screens"])
    lists = {"words.data": around.get("words", "")}
    rules = rules.after(list(asked_alone(rules, lists)))
    made = screens(rules, lists)
    return write(_ours(parts), rules).get(FILE, ""), screens_text(rules, made) if made else ""


def _ours(parts: Sequence[Part]) -> list[Document]:
    return [part.document for part in parts if part.ours]


def left(text: str, **around: str) -> list[int]:
    """Return the numbers of the rules that are still loaded."""
    written, _ = compiled(text, **around)  # type: ignore[arg-type]
    entries = read_rules([Part(FILE, written, ours=True)]).entries if written else ()
    return [entry.id for entry in entries if entry.id is not None]


def steps_of(steps: list[Step]) -> Mapping[int | None, str]:
    """Return which step each rule was met by."""
    return {step.number: step.step for step in steps}
