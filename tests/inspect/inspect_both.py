"""The same requests put to both judges, nginx and the library, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import engines

from waf_builder.inspect.answer import Answer
from waf_builder.inspect.inprocess import LibraryJudge
from waf_builder.inspect.inspected import for_inspection
from waf_builder.inspect.library import Library
from waf_builder.inspect.nginx import NginxJudge
from waf_builder.inspect.routing import routing_of
from waf_builder.pipeline import Choice, Rendered, render_spec
from waf_builder.run.proof import ProofBackend
from waf_builder.spec.model import Backend

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine
    from waf_builder.inspect.request import HttpRequest


PCRE_LIMIT = 90900
"""Says that an expression reached SecPcreMatchLimit: each version of PCRE counts its own steps."""


@dataclass(frozen=True)
class Both:
    """What nginx and the library say to a request."""

    nginx: Answer
    library: Answer

    @property
    def differ(self) -> bool:
        ours, theirs = _essence(self.library), _essence(self.nginx)
        if self.nginx.verdict == "reject" and not self.nginx.matches:
            # ModSecurity-nginx before 1.0.4 forgets what matched when nginx shows an error page.
            return ours[:2] != theirs[:2]
        return ours != theirs

    def __str__(self) -> str:
        asked = f"{self.nginx.request.method} {self.nginx.request.target[:80]}"
        said = "; ".join(map(str, map(_essence, (self.nginx, self.library))))
        return f"{self.nginx.request.name} {asked}: {said} {self.library.note}"


def _essence(answer: Answer) -> tuple[object, ...]:
    rules = {match.rule for match in answer.matches} - {PCRE_LIMIT}
    return answer.verdict, answer.status, sorted(rules)


def both(
    spec: Path, engine: Engine, requests: Sequence[HttpRequest], crs: str | None = None
) -> list[Both]:
    """Return what each judge says to each request; the engine may be too old for the rules."""
    if crs:
        engines.with_rules(engine, crs)
    with ProofBackend() as proof:
        rendered = rendered_for(spec, engine, crs, proof.port)
        assert rendered.engine
        with NginxJudge(rendered.config, rendered.tree, rendered.engine) as judge:
            said = list(judge.judge(requests))
        with library_for(rendered) as library:
            return [Both(*pair) for pair in zip(said, library.judge(requests), strict=True)]


def rendered_for(spec: Path, engine: Engine, crs: str | None = None, port: int = 1) -> Rendered:
    """Return a spec rendered for inspection, before a backend of this machine."""
    return render_spec(
        spec,
        Choice(str(engine.root), crs),
        backend=Backend(host="127.0.0.1", port=port),
        change=for_inspection,
    )


def library_for(rendered: Rendered) -> LibraryJudge:
    """Return a judge in this process for a rendered spec; it is to be entered."""
    engine = rendered.engine
    assert engine
    assert engine.crs
    unicode_map = engine.unicode_map.read_text("latin-1")
    library = Library(rendered.tree, unicode_map, engine.crs.folder)
    return LibraryJudge(routing_of(rendered.config), library)
