"""All or nothing: the WAF is assembled beside its place in the app, and swapped in at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from waf_builder.crs.digest import content_of
from waf_builder.crs.installed import InstalledCrs, crs_in
from waf_builder.deploy.commands import ARCHIVE, COMMAND, pack_commands
from waf_builder.deploy.model import DeployError
from waf_builder.engine.model import Engine
from waf_builder.paths import start_waf
from waf_builder.render.publish import STAMP, publish

FOLDER = ".waf"
"""In the app: `start`, `start-waf`, `tree/`, `engine/`, and `bin/` for PATH."""

PROFILE = Path(".profile.d") / "waf.sh"

_STAGING = ".waf.staging"
_MADE_BY = "made by waf-builder"

_START = """\
#!/bin/sh
# Starts the WAF of this app on $PORT; made by waf-builder.
set -eu
unset CDPATH LD_LIBRARY_PATH # another buildpack's libraries are not for these programs
here=$(cd -P -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
tree=$here/tree
if ! { mkdir -p -- "$tree/runtime" && [ -w "$tree/runtime" ]; } 2>/dev/null; then
	# The app's folder is read-only: a tree of links, with a runtime/ of its own.
	tree=$(mktemp -d "${TMPDIR:-/tmp}/waf.XXXXXX" 2>/dev/null) || {
		printf 'waf: error: neither %s nor %s can be written by user %s\\n' \\
			"$here/tree/runtime" "${TMPDIR:-/tmp}" "$(id -u)" >&2
		exit 1
	}
	chmod 755 "$tree"
	for part in "$here"/tree/*; do
		[ "${part##*/}" = runtime ] || ln -s -- "$part" "$tree/"
	done
	mkdir "$tree/runtime"
fi
exec "$here/start-waf" "$tree"
"""

_PROFILE_D = """\
# Lets a Procfile say `web: start-waf`, and people `waf-builder doctor`; made by waf-builder.
export PATH="$HOME/.waf/bin:$PATH"
"""


@contextmanager
def staging(app: Path) -> Iterator[Path]:
    """Give an empty folder in the app to assemble the WAF in; it is gone afterwards.

    Beside its place, so that the swap is a rename within one file system.
    """
    folder = app / _STAGING
    shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
    folder.mkdir(mode=0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def add_engine(engine: Engine, folder: Path) -> Engine:
    """Copy the engine and its rules into a staged folder, and return it as it is there."""
    own = crs_in(engine.root)
    apart = engine.crs is not None and not engine.crs.folder.is_relative_to(engine.root)

    def unused(parent: str, names: list[str]) -> list[str]:
        """Return the distribution's rules where a release takes their place."""
        return [name for name in names if apart and own and Path(parent, name) == own.folder]

    shutil.copytree(engine.root, folder / "engine", symlinks=True, ignore=unused)
    crs = None
    if engine.crs is not None and apart:
        crs = folder / "crs"
        crs.mkdir()
        # All that its digest is of, so that a lock can be made of what is deployed.
        for name in content_of(engine.crs.folder):
            (crs / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(engine.crs.folder / name, crs / name)
        # The rules' licence asks that it goes with every copy of them.
        if (licence := engine.crs.folder / "LICENSE").is_file():
            shutil.copy2(licence, crs)
    return moved(engine, folder / "engine", crs)


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


def add_start(folder: Path) -> None:
    """Add what starts the WAF, in a container that needs nothing but a shell."""
    _write(folder / "start", _START)
    shutil.copyfile(start_waf(), folder / "start-waf")
    (folder / "start-waf").chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "bin" / "start-waf").symlink_to("../start")


def add_commands(folder: Path) -> None:
    """Add waf-builder's own commands, for whoever looks at the app where it runs."""
    pack_commands(folder / ARCHIVE)
    _write(folder / "bin" / "waf-builder", COMMAND)


def install(folder: Path, app: Path) -> None:
    """Swap an assembled WAF in, and let it be found; what a failure leaves is what was there."""
    profile = app / PROFILE
    had_profile, had_folder = profile.exists(), profile.parent.exists()
    profile.parent.mkdir(exist_ok=True)
    new = profile.with_name(f".{profile.name}.new")
    try:
        new.write_text(_PROFILE_D, encoding="utf-8")
        new.chmod(0o644)
        new.rename(profile)
        publish(folder, app / FOLDER)
    except OSError:
        new.unlink(missing_ok=True)
        if not had_profile:
            profile.unlink(missing_ok=True)
        if not had_folder:
            profile.parent.rmdir()
        raise


def deployed_tree(app: Path) -> Path | None:
    """Return the tree of the WAF that is deployed in an app; None when none is."""
    tree = app / FOLDER / "tree"
    return tree if (tree / STAMP).is_file() else None


def size_of(folder: Path) -> int:
    """Return the bytes of all files below folder."""
    return sum(
        path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file()
    )


def require_free(app: Path) -> None:
    """Raise DeployError when the app has files of its own where the WAF goes."""
    for name, ours, way_out in (
        (FOLDER, _is_our_folder, _ANOTHER_NAME),
        (_STAGING, _is_a_real_folder, _ANOTHER_NAME),
        (PROFILE.parent, Path.is_dir, "On the platform it is a folder of scripts: make it one"),
        (PROFILE, _is_our_profile, _ANOTHER_PROFILE),
    ):
        there = app / name
        if os.path.lexists(there) and not ours(there):
            raise DeployError(
                f"The app has a '{name}' of its own.\n\n"
                "The WAF needs that name, and what waf-builder did not make is left alone.\n"
                f"{way_out}, then deploy again."
            )


_ANOTHER_NAME = "Give it another name in the app's repository"
_ANOTHER_PROFILE = "Any other name in '.profile.d' works as well: rename it"


def _is_our_folder(there: Path) -> bool:
    return (there / "tree" / STAMP).is_file()


def _is_a_real_folder(there: Path) -> bool:
    return there.is_dir() and not there.is_symlink()


def _is_our_profile(there: Path) -> bool:
    return there.is_file() and _MADE_BY in there.read_text(encoding="utf-8", errors="replace")


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
