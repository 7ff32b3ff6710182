from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from cases import TREE, Case, cases, write

from waf_builder.check import nginx
from waf_builder.check.tree import booted
from waf_builder.engine.link import link
from waf_builder.engine.model import Engine
from waf_builder.problem import Severity
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the small tree that a test may change."""
    files = {
        file.relative_to(TREE).as_posix(): file.read_text(encoding="utf-8")
        for file in TREE.rglob("*")
        if file.is_file()
    }
    return write(tmp_path / "waf", files)


@pytest.fixture
def linked(tree: Path, engine: Engine) -> Iterator[Path]:
    """The small tree, as an engine could start it."""
    with booted(tree) as staging:
        link(engine, staging)
        yield staging


@pytest.fixture
def no_engine(tmp_path: Path) -> Engine:
    """Facts about an engine, for a tree whose engine/nginx is a script of the test."""
    version = Version(1, 2, 3)
    return Engine(tmp_path, tmp_path, tmp_path, None, (), tmp_path, None, version, version, None)


def given(case: Case) -> dict[str, str]:
    names_and_texts = re.split(r"^=== (\S+)\n", case.given, flags=re.MULTILINE)[1:]
    return dict(zip(names_and_texts[::2], names_and_texts[1::2], strict=True))


def script(tree: Path, text: str) -> Path:
    (tree / "engine").mkdir()
    (tree / "engine/nginx").write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (tree / "engine/nginx").chmod(0o755)
    return tree


@pytest.mark.nginx
@pytest.mark.parametrize("case", cases("nginx"), ids=lambda case: case.name)
def test_case(case: Case, tree: Path, engine: Engine):
    write(tree, given(case))
    with booted(tree) as staging:
        link(engine, staging)

        problems = nginx.check(staging, engine)

    text = "".join(f"{problem.render()}\n" for problem in problems)
    assert re.sub(r"(engine/crs/\S+\.conf):\d+", r"\1:LINE", text) in case.expected


@pytest.mark.nginx
def test_resolve_is_explained_to_an_nginx_that_has_none(tree: Path, engine: Engine):
    upstream = "upstream site {\n zone site 256k;\n server site.internal:3000 resolve;\n}\n"
    write(tree, {"boot/backends.conf": f'{upstream}map "" $backend_site {{\n default site;\n}}\n'})
    with booted(tree) as staging:
        link(engine, staging)

        problems = nginx.check(staging, engine)

    version = engine.nginx_version
    if version >= Version(1, 27, 3):
        assert problems == []
    else:
        assert [problem.render() for problem in problems] == [
            (
                'runtime/backends.conf:3: error: invalid parameter "resolve" [engine.config]\n'
                "    An upstream's server takes `resolve` since nginx 1.27.3; this engine has"
                f" {version}. Render for it with --nginx-version {version}."
            )
        ]


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("nginx.conf", "engine.config"),
        ("modsecurity/main.conf", "engine.seclang"),
        ("engine/ngx_http_modsecurity_module.so", "engine.module"),
        ("runtime/temp", "engine.config"),
    ],
)
def test_no_problem_names_a_place_of_this_machine(
    linked: Path, engine: Engine, broken: str, code: str
):
    (linked / broken).rename(linked / "elsewhere")
    if broken.startswith("modsecurity/"):
        (linked / broken).write_text("Include /nowhere.conf\nInclude engine.conf/x\n")

    problems = nginx.check(linked, engine)

    assert [problem.code for problem in problems] == [code]
    for problem in problems:
        assert str(linked) not in problem.render()
        assert str(linked.resolve()) not in problem.render()
        assert str(engine.root) == "/" or str(engine.root) not in problem.render()


@pytest.mark.nginx
def test_a_relative_tree_is_as_good(linked: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(linked.parent)

    assert nginx.check(linked.relative_to(linked.parent), engine) == []


def test_a_hanging_nginx_is_ended(tree: Path, no_engine: Engine):
    (problem,) = nginx.check(script(tree, "exec sleep 30"), no_engine, time_limit=0.2)

    assert problem.render() == (
        "nginx.conf: error: nginx -t was not done after 0.2 seconds [engine.timeout]\n"
        "    It looks up the names in nginx.conf and reads all rules; one of these hangs."
    )


def test_a_crash_is_a_problem(tree: Path, no_engine: Engine):
    (problem,) = nginx.check(script(tree, f"kill -{signal.SIGSEGV} $$"), no_engine)

    assert problem.render() == ("nginx.conf: error: nginx -t was ended by SIGSEGV [engine.failed]")


def test_a_failure_without_a_message_of_nginx_shows_the_last_line(tree: Path, no_engine: Engine):
    text = "echo first >&2\necho libx.so: cannot open shared object file >&2\nexit 127"

    (problem,) = nginx.check(script(tree, text), no_engine)

    assert problem.render() == (
        "nginx.conf: error: nginx -t failed with exit status 127 [engine.failed]\n"
        "    libx.so: cannot open shared object file"
    )


def test_no_engine_in_the_tree(tree: Path, no_engine: Engine):
    (problem,) = nginx.check(tree, no_engine)

    assert problem.render() == (
        "engine/nginx: error: nginx cannot be started: No such file or directory"
        " [engine.not-started]\n"
        "    The engine is gone, or programs may not run from that folder: checks stage a tree"
        " among the temporary files, and TMPDIR says where these are."
    )


def test_what_did_not_stop_nginx_is_a_warning(tree: Path, no_engine: Engine):
    text = (
        "echo '2026/01/02 03:04:05 [alert] 7#7: setrlimit failed' >&2\n"
        "echo '2026/01/02 03:04:05 [warn] 7#7: method redefined in nginx.conf:7' >&2\n"
        "echo '2026/01/02 03:04:05 [notice] 7#7: rules loaded' >&2\n"
    )

    problems = nginx.check(script(tree, text), no_engine)

    assert [problem.severity for problem in problems] == [Severity.WARNING] * 2
    assert [str(problem.place) for problem in problems] == ["nginx.conf", "nginx.conf:7"]
