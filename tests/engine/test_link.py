from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.engines import NEWEST

from waf_builder.engine.find import find
from waf_builder.engine.link import link, wrapper
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

# The relative paths that rendered trees use: to -p for nginx, to the folder for SecLang.
NGINX_CONF = """\
load_module engine/ngx_http_modsecurity_module.so;
error_log stderr notice;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
  scgi_temp_path e;
  modsecurity on;
  modsecurity_rules_file modsecurity/main.conf;
}
"""
MAIN_CONF = """\
SecRuleEngine On
SecUnicodeMapFile ../engine/unicode.mapping 1252
SecAction "id:1,phase:1,pass,nolog,setvar:tx.crs_setup_version=399"
Include engine/crs/rules/*.conf
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "a rendered tree"
    (folder / "modsecurity").mkdir(parents=True)
    (folder / "nginx.conf").write_text(NGINX_CONF)
    (folder / "modsecurity/main.conf").write_text(MAIN_CONF)
    return folder


def nginx_test(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(tree / "engine/nginx"), "-t", "-p", f"{tree}/", "-c", "nginx.conf", "-e", "stderr"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.nginx
def test_a_linked_tree_loads_its_rules(copied: Path, cache: Path, tree: Path) -> None:
    engine = find(str(copied))
    link(engine, tree)
    run = nginx_test(tree)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert f"ModSecurity-nginx v{engine.connector_version} (rules loaded inline/local" in run.stderr


@pytest.mark.nginx
def test_a_tree_may_move(engine: Engine, tree: Path) -> None:
    link(engine, tree)
    moved = tree.rename(tree.with_name("moved"))
    assert nginx_test(moved).returncode == 0


@pytest.mark.nginx
def test_the_wrapper_starts_nginx_from_anywhere(engine: Engine, tree: Path) -> None:
    link(engine, tree)
    run = subprocess.run(
        [tree / "engine/nginx", "-v"],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stderr == f"nginx version: nginx/{engine.nginx_version}\n"


@pytest.mark.nginx
def test_another_engine_replaces_the_first(
    engine_old: Engine, engine_new: Engine, tree: Path
) -> None:
    for engine in (engine_old, engine_new, engine_old):
        link(engine, tree)
        assert (tree / "engine/nginx").read_text() == wrapper(engine)
        assert nginx_test(tree).returncode == 0
    names = [
        "crs",
        "libjemalloc.so.2",
        "nginx",
        "ngx_http_modsecurity_module.so",
        "unicode.mapping",
    ]
    assert sorted(path.name for path in (tree / "engine").iterdir()) == names
    assert sorted(path.name for path in tree.iterdir() if path.name.startswith(".")) == []


@pytest.mark.nginx
def test_a_link_in_the_way_is_replaced_and_not_followed(engine: Engine, tree: Path) -> None:
    elsewhere = tree.with_name("elsewhere")
    elsewhere.mkdir()
    (tree / "engine").symlink_to(elsewhere)
    link(engine, tree)
    assert list(elsewhere.iterdir()) == []
    assert (tree / "engine/crs/rules").is_dir()


@pytest.mark.nginx
def test_links_go_through_the_current_engine(engine: Engine, tree: Path) -> None:
    """An update of the cached engine moves `current` on; linked trees follow."""
    assert engine.root.name == "current"
    link(engine, tree)
    assert (tree / "engine/crs").readlink() == engine.root / "usr/share/modsecurity-crs"


def test_without_rules(tree: Path) -> None:
    with pytest.raises(EngineError) as caught:
        link(replace(NEWEST, crs=None), tree)
    assert str(caught.value) == (
        f"the engine in / has no Core Rule Set to link into {tree}\n"
        "    Name one: --crs DIR, an unpacked release from"
        " https://github.com/coreruleset/coreruleset/releases"
    )
    assert not (tree / "engine").exists()


@pytest.mark.parametrize("name", ["a b", "it's", "$(touch x)", '"', "a;b", "ü", "*"])
def test_arguments_reach_nginx_as_they_are(tmp_path: Path, name: str) -> None:
    nginx = tmp_path / name / "nginx"
    nginx.parent.mkdir()
    nginx.write_text('#!/bin/sh\nprintf "%s\\n" "$LD_LIBRARY_PATH" "$@"\n')
    nginx.chmod(0o755)
    script = tmp_path / "wrapper"
    script.write_text(wrapper(replace(NEWEST, nginx=nginx, library_path=(nginx.parent, tmp_path))))
    run = subprocess.run(
        ["/bin/sh", script, "-g", "daemon  off;", "", name],
        env={"LD_LIBRARY_PATH": "/of/somebody/else"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stdout.splitlines() == [
        f"{nginx.parent}:{tmp_path}",
        "-g",
        "daemon  off;",
        "",
        name,
    ]


def test_an_installed_nginx_keeps_the_callers_environment() -> None:
    assert wrapper(NEWEST) == (
        "#!/bin/sh\n"
        "# Starts the nginx of this machine's engine; made by waf-builder.\n"
        'exec /usr/sbin/nginx "$@"\n'
    )


def test_an_engine_with_a_loader_is_started_by_it() -> None:
    folder = Path("/e/usr/lib/x")
    engine = replace(
        NEWEST,
        nginx=Path("/e/usr/sbin/nginx"),
        loader=folder / "ld-linux.so.2",
        library_path=(folder,),
    )
    assert engine.environment() == {}
    assert wrapper(engine).endswith(
        'exec /e/usr/lib/x/ld-linux.so.2 --library-path /e/usr/lib/x /e/usr/sbin/nginx "$@"\n'
    )
