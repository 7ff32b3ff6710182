"""Connect a rendered tree to the engine that will run it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from waf_builder.engine.layout import MODULE
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError


def link(engine: Engine, tree: Path) -> None:
    """Make `tree/engine/`, replacing the one that is there.

    It holds this machine's facts, so that the rendered files need none: `nginx` (a script that
    starts the engine's nginx with its own loader or libraries), the module, `crs`,
    `unicode.mapping`. EngineError when the engine has no Core Rule Set.
    """
    import shutil
    import tempfile

    if engine.crs is None:
        raise EngineError(
            f"the engine in {engine.root} has no Core Rule Set to link into {tree}\n"
            "    Name one: --crs DIR, an unpacked release from"
            " https://github.com/coreruleset/coreruleset/releases"
        )
    target = tree / "engine"
    staging = Path(tempfile.mkdtemp(prefix=".engine-", dir=tree))
    try:
        staging.chmod(0o755)
        nginx = staging / "nginx"
        nginx.write_text(wrapper(engine), encoding="utf-8", errors="surrogateescape")
        nginx.chmod(0o755)
        (staging / MODULE).symlink_to(_absolute(engine.module))
        (staging / "crs").symlink_to(_absolute(engine.crs.folder))
        (staging / "unicode.mapping").symlink_to(_absolute(engine.unicode_map))
        if target.is_symlink():
            target.unlink()
        if target.exists():
            # A folder is not replaced by rename, so the old one goes aside first.
            old = staging / "old"
            target.rename(old)
            staging.rename(target)
            shutil.rmtree(target / "old")
        else:
            staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def wrapper(engine: Engine) -> str:
    """Return the POSIX shell script that becomes the engine's nginx, arguments passed on."""
    lines = ["#!/bin/sh", "# Starts the nginx of this machine's engine; made by waf-builder."]
    for name, value in engine.environment().items():
        # Replaced, not extended: another program's libraries must not end up in nginx.
        lines += [f"{name}={shlex.quote(value)}", f"export {name}"]
    command = " ".join(shlex.quote(part) for part in engine.command())
    lines.append(f'exec {command} "$@"')
    return "\n".join(lines) + "\n"


def _absolute(path: Path) -> str:
    # Not resolved: the apt engine's folder is a link that an update moves on.
    return os.path.abspath(path)  # noqa: PTH100
