"""Of unpacked packages, keep what an engine needs: a tenth of the files."""

from __future__ import annotations

import shutil
from pathlib import Path

from waf_builder.crs.installed import find_crs
from waf_builder.engine import layout
from waf_builder.engine.libraries import libraries
from waf_builder.engine.model import Start
from waf_builder.engine.probe import nginx_and_module
from waf_builder.errors import EngineError


def make_lean(unpacked: Path, root: Path, *, rules: bool = True) -> None:
    """Copy nginx, the module, their libraries, jemalloc, unicode.mapping and the rules to root.

    Both have the layout of a system. Libraries that the machine has are left to the machine.
    rules: False where they come from elsewhere. EngineError names a part or a library that is
    missing.
    """
    start = Start(unpacked / layout.NGINX, layout.loader(unpacked), layout.library_path(unpacked))
    if not start.nginx.is_file():
        raise EngineError(f"the packages hold no {layout.NGINX}")
    _version, module = nginx_and_module(unpacked, start)
    unicode_map = layout.unicode_map(unpacked)
    if unicode_map is None:
        raise EngineError("the packages hold no unicode.mapping")
    keep = {start.nginx, module, unicode_map, *_own_libraries(unpacked, start, module)}
    if start.loader is not None:
        keep.add(start.loader)
    for path in sorted(keep):
        target = root / path.relative_to(unpacked)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A library's name is a link to its file: the loader looks for the name.
        shutil.copy2(path, target)
    if rules:
        own = find_crs(unpacked).rules
        shutil.copytree(own, root / own.relative_to(unpacked), ignore_dangling_symlinks=True)


def _own_libraries(unpacked: Path, start: Start, module: Path) -> set[Path]:
    jemalloc = layout.allocator(start.library_path)
    own = {jemalloc} if jemalloc else set()
    for binary in (start.nginx, module, *own):
        for name, path in libraries(binary, start).items():
            if path is None:
                raise EngineError(
                    f"{binary.name} needs {name}, which neither the packages nor this machine has"
                )
            if path.is_relative_to(unpacked):
                own.add(path)
    return own
