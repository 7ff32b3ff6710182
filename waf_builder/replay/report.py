"""The outcome of a replay as people read it, on 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waf_builder.inspect.report import place_of
from waf_builder.replay.group import Group
from waf_builder.replay.outcome import Outcome

if TYPE_CHECKING:
    from waf_builder.inspect.proposal import Proposal
    from waf_builder.inspect.setting import At, Setting

SHOWN = 15
"""Groups of a kind that are shown; JSON has all."""
_WIDTH = 80
_RULE = 6
_HOSTS = 4
_LOGGED = "A log keeps no headers or cookies; a browser's usual headers stand in for them."


def text(outcome: Outcome) -> str:
    """Return the whole report."""
    blocks = [_summary(outcome)]
    for title, groups in (
        ("Newly refused", outcome.sorted("refused")),
        ("Newly passing", outcome.sorted("passes")),
    ):
        if groups:
            blocks.append("\n".join(_section(title, groups)))
    if proposals := list(_proposals(outcome.sorted("refused")[:SHOWN])):
        blocks.append("\n".join(proposals))
    if rest := list(_rest(outcome)):
        blocks.append("\n".join(["Not judged, or not in full", "", *rest]))
    if outcome.logged:
        blocks.append(_LOGGED)
    if len(outcome.hosts) > 1:
        blocks.append("\n".join(_hosts(list(outcome.hosts))))
    return "\n\n".join(blocks)


def _summary(outcome: Outcome) -> str:
    found = outcome.found
    count = f"{outcome.requests:,} {_plural('request', outcome.requests)}"
    return "\n".join(
        [
            f"{count}, {outcome.asked:,} different",
            "",
            f"  {found['refused']:>9,}  would newly be refused",
            f"  {found['passes']:>9,}  would newly pass",
            f"  {outcome.as_before:>9,}  as before",
        ]
    )


def _section(title: str, groups: Sequence[Group]) -> Iterator[str]:
    yield title
    yield ""
    yield f"  {'count':>9}  {'rule':<{_RULE}}  path"
    for group in groups[:SHOWN]:
        yield from _group(group)
    if left := groups[SHOWN:]:
        count = sum(group.count for group in left)
        yield f"  {count:>9,}  in {len(left):,} more groups, which --format json shows"


def _group(group: Group) -> Iterator[str]:
    indent = " " * (2 + 9 + 2 + _RULE + 2)
    rule = str(group.rule) if group.rule else "-"
    asked = f"{', '.join(group.methods)} {group.path}"
    yield f"  {group.count:>9,}  {rule:<{_RULE}}  {_cut(asked, len(indent))}"
    message = group.message
    if not group.rule and group.change == "refused":
        message = f"status {group.status}, before or beside the rules"
    if message:
        yield indent + _cut(message, len(indent))
    for match in list(group.matches.values())[:1]:
        if match.target:
            told = f"{match.target}: {match.value}" if match.value else match.target
            yield indent + _cut(told, len(indent))
    example = "" if group.example == group.path else f": {group.example}"
    yield indent + _cut(f"such as {group.place}{example}", len(indent))


def _proposals(groups: Sequence[Group]) -> Iterator[str]:
    blocks: dict[tuple[At, str], _Block] = {}
    opens: dict[str, None] = {}
    for group in groups:
        if proposal := group.proposal:
            blocks.setdefault((proposal.at, proposal.route), _Block()).add(proposal)
            opens[proposal.opens] = None
    text: list[str] = []
    for at, block in blocks.items():
        lines = list(block.lines(*at))
        text += ["", *lines] if text and lines else lines
    yield from text
    for number, sentence in enumerate(opens):
        if not number and text:
            yield ""
        yield from textwrap.wrap(
            sentence,
            _WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
            break_on_hyphens=False,
        )


@dataclass
class _Block:
    """What groups propose for one place of the spec, so that no key stands there twice."""

    settings: dict[str, Setting] = field(default_factory=dict)
    entries: dict[str, None] = field(default_factory=dict)

    def add(self, proposal: Proposal) -> None:
        for one in proposal.settings:
            before = self.settings.get(one.key)
            self.settings[one.key] = before.merged(one) if before else one
        turned = sum(len(one.lines) for one in proposal.settings)
        self.entries |= dict.fromkeys(_entries(proposal.lines[turned + 1 :]))

    def lines(self, at: At, route: str) -> Iterator[str]:
        if not (self.settings or self.entries):
            return
        where, above = place_of(at, route)
        indent = "    " + "  " * len(above)
        yield f"If these are ordinary requests of your app, write {where}:"
        yield ""
        yield from (f"    {key}" for key in above)
        yield from (f"{indent}{line}" for one in self.settings.values() for line in one.lines)
        if self.entries:
            yield f"{indent}exclusions:"
            yield from (f"{indent}{line}" for entry in self.entries for line in entry.split("\n"))


def _entries(lines: Sequence[str]) -> Iterator[str]:
    """Yield each exclusion by itself: several groups may need the same one."""
    entry: list[str] = []
    for line in lines:
        if line.startswith("  - ") and entry:
            yield "\n".join(entry)
            entry = []
        entry.append(line)
    if entry:
        yield "\n".join(entry)


def _rest(outcome: Outcome) -> Iterator[str]:
    skipped = outcome.skipped
    for count, told in (
        (outcome.in_part, "in part: their query or body is not known"),
        (outcome.unexplained, "not: refused then for what is not known, and passing without it"),
        (outcome.lacking, "not: refused now for want of a body or host that is not known"),
        (outcome.unanswered, "not: no answer; with --engine nginx there may be one"),
        (
            skipped.gates,
            "not: answered before any rule, by a limit, an address or the like",
        ),
        (skipped.unclear, "not: nothing that could be asked, or no answer then"),
        (skipped.elsewhere, "not: sent to another host"),
        (skipped.malformed, f"malformed, such as {skipped.first}"),
    ):
        if count:
            lines = textwrap.wrap(_printable(told), _WIDTH - 13, break_on_hyphens=False)
            yield f"  {count:>9,}  {lines[0]}"
            yield from (" " * 13 + line for line in lines[1:])


def _hosts(hosts: Sequence[str]) -> list[str]:
    named = ", ".join(hosts[:_HOSTS]) + (", ..." if len(hosts) > _HOSTS else "")
    said = f"The HAR holds requests to several hosts: {named}. --host NAME takes those of one."
    return textwrap.wrap(said, _WIDTH, break_on_hyphens=False, break_long_words=False)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _cut(text: str, used: int) -> str:
    printable = _printable(text)
    room = _WIDTH - used
    return printable if len(printable) <= room else f"{printable[: room - 1]}…"
