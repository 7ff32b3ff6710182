"""The rules that a rendered tree brings along beside the Core Rule Set: ours, and the user's."""

from __future__ import annotations

from waf_builder.config.build import build
from waf_builder.config.model import Target
from waf_builder.crs.index import index_of
from waf_builder.crs.rules import RuleIndex
from waf_builder.render.environment import make_environment
from waf_builder.render.outputs import outputs
from waf_builder.render.overrides import Overrides
from waf_builder.seclang import to_bytes
from waf_builder.spec.model import Backend, Spec

_OURS = frozenset(f"modsecurity/{name}.conf" for name in ("engine", "crs-setup", "late"))
_ANY = Spec(backend=Backend(host="127.0.0.1", port=80))
"""Which rules there are does not depend on a spec."""


def own_rules(target: Target, overrides: Overrides | None = None) -> RuleIndex:
    """Return the index of the rules that stand beside those of the Core Rule Set."""
    environment = make_environment()
    texts = {
        output.path: environment.get_template(output.template).render(output.context)
        for output in outputs(build(_ANY, target))
        if output.path in _OURS
    }
    texts.update(overrides.rules if overrides else {})
    return index_of({name: to_bytes(text) for name, text in texts.items() if _is_rules(name)})


def _is_rules(name: str) -> bool:
    return name.endswith(".conf")
