"""Connect a rendered tree to the engine that will run it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from waf_builder.crs.installed import InstalledCrs
from waf_builder.engine.layout import JEMALLOC, MODULE, NGINX
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError

_PRELOAD = f"engine/{JEMALLOC}"
"""As seen from the tree, where nginx is started: LD_PRELOAD cannot name a path with a space."""


def link(engine: Engine, tree: Path, *, relative: bool = False) -> None:
    """Make `tree/engine/`, replacing the one that is there.

    It holds this machine's facts, so that the rendered files need none: `nginx` (a script that
    starts the engine's nginx with its own loader or libraries), the module, `crs`,
    `unicode.mapping`, and jemalloc where the engine has it. EngineError when the engine has no
    Core Rule Set.

    relative: say where the engine is as seen from the tree, so that a folder with both may
    move. Without it the tree alone may.
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
        script = relative_wrapper(engine, target) if relative else wrapper(engine)
        nginx.write_text(script, encoding="utf-8", errors="surrogateescape")
        nginx.chmod(0o755)
        for name, part in _parts(engine, engine.crs).items():
            where = os.path.relpath(part, target) if relative else _absolute(part)
            (staging / name).symlink_to(where)
        _swap_in(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _parts(engine: Engine, crs: InstalledCrs) -> dict[str, Path]:
    """Return what is linked to, by the name of the link."""
    parts = {MODULE: engine.module, "crs": crs.folder, "unicode.mapping": engine.unicode_map}
    return {**parts, JEMALLOC: engine.allocator} if engine.allocator else parts


def _swap_in(staging: Path, target: Path) -> None:
    import shutil

    if target.is_symlink():
        target.unlink()
    if not target.exists():
        staging.rename(target)
        return
    # A folder is not replaced by rename, so the old one goes aside first.
    target.rename(staging / "old")
    staging.rename(target)
    shutil.rmtree(target / "old")


def linked(tree: Path) -> tuple[str | None, str | None]:
    """Return the engine and the rules that a tree is linked to, as --engine and --crs name them."""
    module, rules = tree / "engine" / MODULE, tree / "engine" / "crs"
    roots = module.resolve().parents if module.exists() else ()
    root = next((folder for folder in roots if (folder / NGINX).is_file()), None)
    return (str(root) if root else None), (str(rules.resolve()) if rules.is_dir() else None)


def wrapper(engine: Engine) -> str:
    """Return the POSIX shell script that becomes the engine's nginx, arguments passed on."""
    lines = ["#!/bin/sh", "# Starts the nginx of this machine's engine; made by waf-builder."]
    for name, value in engine.environment().items():
        # Replaced, not extended: another program's libraries must not end up in nginx.
        lines += [f"{name}={shlex.quote(value)}", f"export {name}"]
    words = [shlex.quote(part) for part in engine.command()]
    lines += [*_preload(engine, words), f'exec {" ".join(words)} "$@"']
    return "\n".join(lines) + "\n"


def relative_wrapper(engine: Engine, folder: Path) -> str:
    """Return the script that does the same from `folder`, wherever both have been moved to.

    It is called by its path; a link to it would not show where the engine is.
    """
    root = shlex.quote(os.path.relpath(engine.root, folder))
    libraries = ":".join(_below(engine.root, path) for path in engine.library_path)
    nginx = _below(engine.root, engine.nginx)
    lines = [
        "#!/bin/sh",
        "# Starts the nginx of the engine that came with this tree; made by waf-builder.",
        "unset CDPATH",
        f'root=$(cd -P -- "$(dirname -- "$0")"/{root} && pwd) || exit',
    ]
    if engine.loader is not None:
        loader = _below(engine.root, engine.loader)
        words = [loader, "--library-path", libraries, nginx]
    else:
        words = [nginx]
        if engine.library_path:
            lines += [f"LD_LIBRARY_PATH={libraries}", "export LD_LIBRARY_PATH"]
    lines += [*_preload(engine, words), f'exec {" ".join(words)} "$@"']
    return "\n".join(lines) + "\n"


def _preload(engine: Engine, words: list[str]) -> list[str]:
    """Return what gives jemalloc to nginx, and to nginx alone, where the engine has it."""
    if engine.allocator is None:
        return []
    if engine.loader is None:
        return [f"[ ! -e {_PRELOAD} ] || export LD_PRELOAD={_PRELOAD}"]
    # LD_PRELOAD would first meet the machine's loader, which may have another C library.
    command = " ".join([words[0], "--preload", _PRELOAD, *words[1:]])
    return [f"if [ -e {_PRELOAD} ]; then", f'\texec {command} "$@"', "fi"]


def _below(root: Path, path: Path) -> str:
    """Return path as a word of the shell, with its root in a variable."""
    return f'"$root"/{shlex.quote(str(path.relative_to(root)))}'


def _absolute(path: Path) -> str:
    # Not resolved: the apt engine's folder is a link that an update moves on.
    return os.path.abspath(path)  # noqa: PTH100
