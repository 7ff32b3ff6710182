"""Which engine a deploy gets, and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from waf_builder.crs.installed import InstalledCrs
from waf_builder.deploy.model import DeployError
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError

SETTING = "WAF_BUILDER_ENGINE"
CRS_SETTING = "WAF_BUILDER_CRS"

SOURCES = ("apt",)
"""What the setting may name."""


@dataclass(frozen=True)
class Found:
    """An engine in the cache, and where it is from.

    remarks: what the user should hear, such as a registry that is down.
    """

    engine: Engine
    source: str
    remarks: tuple[str, ...] = ()


def engine_for(
    stack: str,
    setting: str | None,
    *,
    crs: str | None = None,
    progress: Callable[[str], None],
) -> Found:
    """Return the engine for a stack, newest first; DeployError says why there is none.

    setting: one of SOURCES, or None for what suits the stack.
    crs: which Core Rule Set, as `--crs` takes it.
    """
    if setting is not None and setting not in SOURCES:
        raise DeployError(
            f"{SETTING} is '{setting}', expected {' or '.join(SOURCES)}, or nothing.\n\n"
            "It forces where nginx and ModSecurity come from. Mend or unset it:\n"
            f"'scalingo env-unset {SETTING}'."
        )
    return _by_apt(stack, crs, progress)


def _by_apt(stack: str, crs: str | None, progress: Callable[[str], None]) -> Found:
    from waf_builder.engine import apt
    from waf_builder.engine.find import find

    remarks = []

    def sort(message: str) -> None:
        if message.startswith(apt.FALLBACKS):
            remarks.append(
                f"The package registry cannot give the newest engine.\n\n  {message}\n\n{_OLD}"
            )
        else:
            progress(message)

    try:
        root = apt.get(sort, refresh=True)
        engine = find(str(root), crs)
    except EngineError as error:
        raise DeployError(_no_engine(stack, str(error))) from error
    return Found(engine, f"apt, {stack}", tuple(remarks))


_NOT_NEW = "The package registry cannot say which engine is the newest."
_OLD = """\
This deploy goes on with what the last one left in the cache. Deploy again when the registry
is back, to get security fixes that it may have."""


def _no_engine(stack: str, reason: str) -> str:
    # The ways out that a message names are those of the command line.
    reason = reason.partition("\n    Other ways to an engine:")[0]
    said = "\n".join(f"  {line.removeprefix('    ')}" for line in reason.splitlines())
    return (
        f"No engine for {stack}: nginx with ModSecurity and the Core Rule Set.\n\n"
        f"{said}\n\n"
        "Without them nothing protects the app, so the deploy stops here; what was deployed\n"
        "last keeps running. If a registry is down, deploy again later. If this stack does not\n"
        "have the packages, choose a newer one: 'scalingo stacks-set scalingo-26'."
    )


def moved(engine: Engine, root: Path, crs: Path | None = None) -> Engine:
    """Return the same engine after its root was copied to `root`, and its rules to `crs`.

    crs: where the rules are that were not below the engine's old root; None if they were.
    """

    def there(path: Path) -> Path:
        return root / path.relative_to(engine.root)

    rules = engine.crs
    if rules is not None:
        rules = InstalledCrs(crs or there(rules.folder), rules.version)
    return replace(
        engine,
        root=root,
        nginx=there(engine.nginx),
        module=there(engine.module),
        loader=there(engine.loader) if engine.loader else None,
        library_path=tuple(there(folder) for folder in engine.library_path),
        unicode_map=there(engine.unicode_map),
        crs=rules,
    )
