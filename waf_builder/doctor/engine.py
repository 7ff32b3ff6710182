"""The engine that will run the WAF."""

from __future__ import annotations

from waf_builder.doctor.result import Result, failed, ok, warning
from waf_builder.engine.compat import check_pair
from waf_builder.engine.find import find
from waf_builder.errors import EngineError
from waf_builder.problem import Problem, Severity, errors_in

CHECK = "engine"


def check_engine(where: str | None, crs: str | None) -> Result:
    """Return which engine there is, having started it, and what its versions cannot do."""
    try:
        engine = find(where, crs)
    except EngineError as error:
        first, _, rest = str(error).partition("\n")
        return failed(CHECK, first, "\n".join(line.strip() for line in rest.splitlines()))
    rules = f"Core Rule Set {engine.crs.version}" if engine.crs else "no Core Rule Set"
    connector = f", connector {engine.connector_version}" if engine.connector_version else ""
    seen = (
        f"nginx {engine.nginx_version}, libmodsecurity {engine.modsecurity_version}{connector},"
        f" {rules}"
    )
    problems = check_pair(engine)
    if errors := errors_in(problems):
        return failed(CHECK, seen, _told(errors))
    if engine.crs is None:
        return failed(CHECK, seen, "Name a folder that holds one: --crs DIR")
    warnings = [problem for problem in problems if problem.severity is Severity.WARNING]
    return warning(CHECK, seen, _told(warnings)) if warnings else ok(CHECK, seen)


def _told(problems: list[Problem]) -> str:
    return "\n".join("\n".join([f"{one.message}.", one.hint]).strip() for one in problems)
