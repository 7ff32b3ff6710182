from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from cases import Case, cases, write
from crossplane import analyzer
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.check import syntax
from waf_builder.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path


@for_each("case", cases("syntax"), ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path):
    write(tmp_path, {"nginx.conf": case.given})

    problems = syntax.check(tmp_path)

    assert "".join(f"{problem.render()}\n" for problem in problems) in case.expected


def test_a_file_that_ends_too_early(tmp_path: Path):
    write(tmp_path, {"nginx.conf": "events {}\nhttp {}\n\nworker_processes 1"})

    (problem,) = syntax.check(tmp_path)

    # nginx's own crossplane says nothing; its fork says that a ';' is missing.
    assert problem.code in {"nginx.unexpected-end", "nginx.arguments"}
    assert (problem.place.file, problem.place.line) == ("nginx.conf", 4)


def test_a_quote_that_does_not_end(tmp_path: Path):
    write(tmp_path, {"nginx.conf": 'events {}\nhttp {\n    log_format x "$uri;\n}\n'})

    (problem,) = syntax.check(tmp_path)

    assert problem.code == "nginx.unexpected-end"


def test_a_mistake_in_an_included_file_is_placed_there(tmp_path: Path):
    main = "events {}\nhttp {\n    include conf/*.conf;\n    nonsense on;\n}\n"
    write(
        tmp_path, {"nginx.conf": main, "conf/a.conf": "gzip off;\n", "conf/b.conf": "\nzip on;\n"}
    )

    problems = syntax.check(tmp_path)

    assert [str(problem.place) for problem in problems] == ["conf/b.conf:2", "nginx.conf:4"]


def test_a_file_that_includes_itself_is_read_once(tmp_path: Path):
    write(tmp_path, {"nginx.conf": "events {}\ninclude nginx.conf;\nfoo;\n"})

    assert [str(problem.place) for problem in syntax.check(tmp_path)] == ["nginx.conf:3"]


def test_no_nginx_conf(tmp_path: Path):
    (problem,) = syntax.check(tmp_path)

    assert problem.render() == (
        "nginx.conf: error: cannot read nginx.conf: No such file or directory [nginx.missing-file]"
    )


def test_crossplane_knows_as_much_as_before_when_it_is_over(tmp_path: Path):
    before = copy.deepcopy(analyzer.DIRECTIVES)
    write(tmp_path, {"nginx.conf": "modsecurity_rulez on;"})

    with syntax.known_directives(), syntax.known_directives():
        assert "modsecurity_rules_file" in analyzer.DIRECTIVES
    syntax.check(tmp_path)

    assert before == analyzer.DIRECTIVES
    assert "modsecurity_rules_file" not in analyzer.DIRECTIVES


def test_the_shape_of_a_text():
    text = """
        events {}
        http {
            map $uri $x { default 0; "/a b" 1; include more.map; }
            server { location /a { return 200; } }
        }
    """

    assert syntax.directives(text) == [
        ((), "events"),
        ((), "http"),
        (("http",), "map"),
        (("http", "map"), "default"),
        (("http", "map"), "*"),
        (("http", "map"), "include"),
        (("http",), "server"),
        (("http", "server"), "location"),
        (("http", "server", "location"), "return"),
    ]


def test_the_shape_of_a_tree_follows_includes_wherever_they_stand(tmp_path: Path):
    main = "events {}\nhttp {\nserver { include l.conf; }\nserver { include l.conf; }\n}\n"
    write(tmp_path, {"nginx.conf": main, "l.conf": "listen 8080;\n"})

    shape = syntax.directives(tmp_path)

    assert [name for _, name in shape].count("listen") == 2
    assert (("http", "server"), "listen") in shape


def test_a_value_that_becomes_a_directive_changes_the_shape():
    def shape(value: str) -> list[tuple[tuple[str, ...], str]]:
        return syntax.directives(f"http {{ server {{ server_name {value}; }} }}")

    assert shape("a.example.com") == shape('"b.example.com; autoindex on"')
    assert shape("a.example.com") != shape("b.example.com; autoindex on")


def test_no_shape_without_syntax():
    with pytest.raises(ProblemsError, match=r"nginx.conf:1: error: unexpected end of file"):
        syntax.directives("http {")


_words = st.sampled_from(["gzip on", "server_tokens off", "keepalive_time 1h", "modsecurity on"])
_blocks = st.recursive(
    st.lists(_words, max_size=3),
    lambda inner: st.lists(st.one_of(_words, inner), max_size=3),
    max_leaves=8,
)


@given(_blocks)
def test_the_shape_is_what_was_written(blocks: list[object]):
    expected: list[tuple[tuple[str, ...], str]] = [((), "http"), (("http",), "server")]

    def text(block: list[object], around: tuple[str, ...]) -> str:
        parts = []
        for part in block:
            if isinstance(part, str):
                expected.append((around, part.split()[0]))
                parts.append(f"{part};")
            else:
                expected.append((around, "location"))
                parts.append(f"location /x {{ {text(part, (*around, 'location'))} }}")
        return " ".join(parts)

    written = f"http {{ server {{ {text(blocks, ('http', 'server'))} }} }}"

    assert syntax.directives(written) == expected
