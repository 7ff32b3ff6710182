"""jemalloc, where the engine came with it, is for nginx and for nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from support.client import exchange, request
from support.engines import NEWEST
from support.tree import descendants, running, write_tree

from waf_builder.engine.layout import JEMALLOC
from waf_builder.engine.link import link, relative_wrapper, wrapper
from waf_builder.paths import start_waf


def maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.nginx
def test_nginx_alone_gets_it(tmp_path, engine):
    tree = write_tree(tmp_path / "a folder" / "waf")
    link(engine, tree)
    assert (tree / "engine" / JEMALLOC).is_symlink()
    with running(tree) as waf:
        master = int((tree / "runtime/nginx.pid").read_text())
        loaded = os.path.realpath(tree / "engine" / JEMALLOC)
        for pid in (master, *descendants(master)):
            assert loaded in maps(pid)
        assert loaded not in maps(waf.process.pid)
        assert "preload" not in "".join(waf.said)
        assert exchange(waf.address, request("/?a=attack")).status == 403


@pytest.mark.nginx
def test_a_tree_whose_allocator_is_gone_boots_without(tmp_path, engine):
    tree = write_tree(tmp_path / "waf")
    link(engine, tree)
    (tree / "engine" / JEMALLOC).unlink()
    with running(tree) as waf:
        assert "preload" not in "".join(waf.said)
        assert exchange(waf.address, request("/?a=attack")).status == 403


def test_an_engine_without_one_is_started_as_before(tmp_path):
    engine = replace(NEWEST, root=tmp_path, nginx=tmp_path / "usr/sbin/nginx")
    assert JEMALLOC not in wrapper(NEWEST)
    assert JEMALLOC not in relative_wrapper(engine, tmp_path / "tree/engine")
    assert JEMALLOC not in start_waf().read_text()


@pytest.mark.parametrize("loader", [None, "lib/ld-linux.so.2"])
def test_a_loader_of_its_own_loads_it_itself(tmp_path, loader):
    folder = tmp_path / "usr/lib"
    folder.mkdir(parents=True)
    (folder / JEMALLOC).touch()
    engine = replace(
        NEWEST,
        root=tmp_path,
        nginx=tmp_path / "usr/sbin/nginx",
        loader=tmp_path / loader if loader else None,
        library_path=(folder,),
    )
    scripts = (wrapper(engine), relative_wrapper(engine, tmp_path / "tree/engine"))
    for script in scripts:
        assert ("LD_PRELOAD=" in script) == (loader is None)
        assert (f"--preload engine/{JEMALLOC} --library-path" in script) == (loader is not None)
