from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import pytest
from cases import TREE, write

from waf_builder.check import nginx
from waf_builder.check.tree import booted, check_tree, rule_texts
from waf_builder.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine
    from waf_builder.problem import Problem


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the small tree that a test may change."""
    files = {
        file.relative_to(TREE).as_posix(): file.read_text(encoding="utf-8")
        for file in TREE.rglob("*")
        if file.is_file()
    }
    return write(tmp_path / "waf", files)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def lines(problems: list[Problem]) -> list[str]:
    return [problem.render().splitlines()[0] for problem in problems]


def test_a_sound_tree(tree: Path):
    assert check_tree(tree, engine=None) == []


@pytest.mark.nginx
def test_a_sound_tree_with_an_engine(tree: Path, engine: Engine):
    assert check_tree(tree, engine=engine) == []


@pytest.mark.nginx
def test_a_tree_is_left_as_it_was(tree: Path, engine: Engine):
    def state() -> dict[str, tuple[int, int]]:
        found = {tree, *tree.rglob("*")}
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = state()

    check_tree(tree, engine=engine)

    assert state() == before


@pytest.mark.nginx
def test_what_an_earlier_boot_left_in_a_tree_does_not_count(tree: Path, engine: Engine):
    left = {
        "runtime/listen.conf": "left over;",
        "engine/nginx": "exit 7",
        "engine/crs/rules/a.conf": "Left over",
    }

    assert check_tree(write(tree, left), engine=engine) == []


def test_a_folder_that_is_no_tree(tmp_path: Path):
    (problem,) = check_tree(tmp_path, engine=None)

    assert problem.render() == (
        f"error: {tmp_path} is not a rendered tree: it has no waf-builder.json"
        " [check.not-a-tree]\n"
        "    Give the folder that `waf-builder render SPEC -o DIR` made."
    )


def test_no_folder(tmp_path: Path):
    (problem,) = check_tree(tmp_path / "none", engine=None)

    assert problem.message == f"{tmp_path}/none is not a rendered tree: there is no such folder"


def test_a_mistake_in_a_boot_file_is_placed_where_the_user_finds_it(tree: Path):
    write(tree, {"boot/listen.conf": "listen @ADDRESS@:@PORT@;\nserver_nam _;\n"})

    assert lines(check_tree(tree, engine=None)) == [
        'boot/listen.conf:2: error: unknown directive "server_nam" [nginx.unknown-directive]'
    ]


def test_holes_are_looked_for(tree: Path):
    replace(tree / "nginx.conf", "server_tokens off", "server_tokens on")

    (problem,) = check_tree(tree, engine=None)

    assert (str(problem.place), problem.code) == ("nginx.conf:12", "security.version-disclosure")


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("right", "wrong", "reported"),
    [
        (
            "access_log off;",
            "acces_log off;",
            'nginx.conf:18: error: unknown directive "acces_log" [nginx.unknown-directive]',
        ),
        (
            "server_tokens off;",
            "server_tokens off",
            (
                'nginx.conf:12: error: invalid number of arguments in "server_tokens" directive'
                " [nginx.arguments]"
            ),
        ),
        (
            "error_log stderr warn;",
            "server_tokens off;",
            'nginx.conf:5: error: "server_tokens" directive is not allowed here [nginx.context]',
        ),
    ],
)
def test_a_mistake_that_both_find_is_reported_once(
    tree: Path, engine: Engine, right: str, wrong: str, reported: str
):
    replace(tree / "nginx.conf", right, wrong)

    assert lines(check_tree(tree, engine=engine)) == [reported]


@pytest.mark.nginx
def test_two_mistakes_are_both_reported(tree: Path, engine: Engine):
    replace(tree / "nginx.conf", "access_log off;", "acces_log off;")
    write(tree, {"boot/workers.conf": "worker_processes many;\n"})

    assert lines(check_tree(tree, engine=engine)) == [
        'nginx.conf:18: error: unknown directive "acces_log" [nginx.unknown-directive]',
        'boot/workers.conf:1: error: "worker_processes" directive invalid value [engine.config]',
    ]


@pytest.mark.nginx
def test_nginx_has_the_last_word_on_what_it_knows(tree: Path, engine: Engine):
    # An undocumented directive, in no table but nginx's own.
    replace(tree / "nginx.conf", "access_log off;", "access_log off; postpone_gzipping 0;")

    assert [problem.code for problem in check_tree(tree, engine=None)] == [
        "nginx.unknown-directive"
    ]
    assert lines(check_tree(tree, engine=engine)) == []


@pytest.mark.nginx
def test_an_unusable_nginx_disproves_nothing(
    tree: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    replace(tree / "nginx.conf", "access_log off;", "acces_log off;")
    monkeypatch.setattr(nginx, "check", functools.partial(nginx.check, time_limit=0))

    assert [problem.code for problem in check_tree(tree, engine=engine)] == [
        "nginx.unknown-directive",
        "engine.timeout",
    ]


def test_a_token_that_nothing_explains(tree: Path):
    write(tree, {"boot/listen.conf": "# at boot\nlisten @ADDRES@:@PORT@;\n", "boot/fields": "\n"})

    problems = check_tree(tree, engine=None)

    assert lines(problems) == [
        (
            "boot/backends.conf:2: error: nothing says what @BACKEND_SITE_APP_ID@ stands for"
            " [check.unknown-token]"
        ),
        "boot/listen.conf:2: error: nothing says what @ADDRES@ stands for [check.unknown-token]",
    ]
    assert problems[0].hint == (
        "At boot there are @ADDRESS@, @PORT@, @RESOLVERS@, @WORKERS@, @BRAKE@, @APP@, @CONTAINER@,"
        " @CONTAINER_VERSION@."
    )


def test_a_boot_field_without_a_sample(tree: Path):
    write(tree, {"boot/fields": "\ntoken=BACKEND_SITE_APP_ID name=SITE_APP_ID\n"})

    assert lines(check_tree(tree, engine=None)) == [
        (
            "boot/fields:2: error: got 'token=BACKEND_SITE_APP_ID name=SITE_APP_ID', expected"
            " token=... and sample=... among its words [check.boot-fields]"
        )
    ]


def test_boot_files_get_sample_values(tree: Path):
    with booted(tree) as staging:
        filled = {
            file.name: file.read_text(encoding="utf-8")
            for file in (staging / "runtime").glob("*.conf")
        }

    assert filled == {
        "listen.conf": "listen 127.0.0.1:8080;\n",
        "resolver.conf": "resolver 127.0.0.1 ipv6=off;\n",
        "workers.conf": "worker_processes 1;\n",
        "backends.conf": (
            'map "" $backend_site {\n'
            "    default site.ap-00000000-0000-4000-8000-000000000000.internal:3000;\n"
            "}\n"
        ),
    }


def test_staging_costs_the_same_for_any_number_of_routes(tree: Path):
    write(tree, {f"modsecurity/routes/r{number}.conf": "" for number in range(200)})

    with booted(tree) as staging:
        entries = sum(len(folders) + len(files) for _, folders, files in os.walk(staging))
        assert (staging / "modsecurity/routes/r199.conf").is_file()

    assert entries < 30
    assert not staging.parent.exists()


def test_staging_is_gone_when_it_cannot_be_filled(tree: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write(tree, {"boot/listen.conf": "listen @WHAT@;\n"})

    with pytest.raises(ProblemsError), booted(tree):
        pytest.fail("staged with an unknown token")

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["waf"]


def test_rules_are_read_in_the_order_in_which_they_load(tree: Path):
    main = "# Include late.conf\nInclude after-crs/*.conf\nInclude engine.conf\nInclude gone.conf\n"
    write(tree, {"modsecurity/main.conf": main, "modsecurity/after-crs/a.conf": "# a\n"})

    texts = rule_texts(tree)

    assert list(texts) == [
        "modsecurity/main.conf",
        "modsecurity/after-crs/a.conf",
        "modsecurity/after-crs/own.conf",
        "modsecurity/engine.conf",
        "modsecurity/before-crs/own.conf",
        "modsecurity/routes/api.conf",
    ]
    assert texts["modsecurity/after-crs/a.conf"] == "# a\n"


@pytest.mark.nginx
def test_a_mistake_in_a_rule_that_both_find_is_reported_once(tree: Path, engine: Engine):
    rule = 'SecRule ARGS "@rx x" "id:10001,phase:2,denyy"\n'
    write(tree, {"modsecurity/before-crs/own.conf": rule})

    def found(**options: bool) -> list[tuple[str, str]]:
        problems = check_tree(tree, engine=engine, **options)
        return [(str(problem.place).split(":")[0], problem.code) for problem in problems]

    assert found() == [("modsecurity/before-crs/own.conf", "seclang.unknown-action")]
    assert found(lint=False) == [("modsecurity/before-crs/own.conf", "engine.seclang")]


@pytest.mark.nginx
def test_the_engines_rule_set_says_which_rules_there_are(tree: Path, engine: Engine):
    write(tree, {"modsecurity/after-crs/own.conf": "SecRuleRemoveById 942999\n"})

    assert check_tree(tree, engine=None) == []
    (problem,) = check_tree(tree, engine=engine)
    assert str(problem.place).startswith("modsecurity/after-crs/own.conf:1")
    assert "942999" in problem.message


@pytest.mark.nginx
def test_an_id_of_the_rule_set_is_taken(tree: Path, engine: Engine):
    rule = 'SecRule ARGS "@rx x" "id:942100,phase:2,deny"\n'
    write(tree, {"modsecurity/after-crs/own.conf": rule})

    codes = [problem.code for problem in check_tree(tree, engine=engine)]

    assert "seclang.duplicate-id" in codes
    assert "engine.duplicate-id" not in codes
