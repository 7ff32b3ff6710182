"""A user's own error page: what is filled in, and what is refused before nginx sees it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.config.errorpages import ERROR_PAGES
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place
from waf_builder.render.errorpage import MAX_BYTES, fill_page, read_page
from waf_builder.render.overrides import find_overrides

AT = Place("backend.yaml", 7, 9)
GOOD = "<h1>{{ status }} {{ title }}</h1>\n<p>{{text}}</p><code>{{  request_id }}</code>\n"
ECHO = '<!--# echo var="waf_request_id" -->'
PAGE = {page.status: page for page in ERROR_PAGES}[403]


def written(folder: Path, text: str | bytes, name: str = "page.html") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def said(folder: Path, name: str = "page.html") -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read_page(folder, name, AT)
    return [problem.render().replace(str(folder), ".") for problem in caught.value.problems]


def test_every_word_is_filled_in(tmp_path: Path):
    written(tmp_path, GOOD, "pages/error.html")
    text, problems = read_page(tmp_path, "pages/error.html", AT)
    assert problems == []
    assert fill_page(text, PAGE) == (
        "<h1>403 Request refused</h1>\n<p>This request was refused by a security rule. If you"
        " think that is a mistake, tell the site&#x27;s owner the request id below.</p>"
        f"<code>{ECHO}</code>\n"
    )


def test_what_is_no_word_of_ours_is_left_as_it_is(tmp_path: Path):
    text = "<style>@media print{#a{color:red}}</style>{% x %}{# y #}{ {status} } {{ request_id }}"
    written(tmp_path, text)
    found, problems = read_page(tmp_path, "page.html", AT)
    assert (problems, fill_page(found, PAGE)) == ([], text.replace("{{ request_id }}", ECHO))


def test_a_page_without_the_request_id_is_a_warning(tmp_path: Path):
    written(tmp_path, "<p>Sorry.</p>")
    _, problems = read_page(tmp_path, "page.html", AT)
    assert [problem.render().replace(str(tmp_path), ".") for problem in problems] == [
        (
            "./page.html: warning: this page does not tell the request id [override.page-no-id]\n"
            "    With {{ request_id }} in it, a refused user can name the request."
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        '<!--#include file="../nginx.conf" -->',
        '<!--# include virtual="/" -->',
        '<!--#echo var="http_cookie"-->',
        "<script>'<!--#if'</script>",
        "<!--#",
    ],
)
def test_a_directive_for_nginx_is_refused_with_its_line(tmp_path: Path, text: str):
    written(tmp_path, f"<p>{{{{ request_id }}}}</p>\n\n  {text}\n")
    assert said(tmp_path) == [
        (
            "./page.html:3: error: <!--# begins a directive that nginx would carry out"
            " [override.page-directive]\n"
            "    Write a comment with a space, <!-- #, or leave it out."
        )
    ]


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.sampled_from(
            ["<!--", "#", "<!-", "-#", "{{ request_id }}", "{{status}}", "{{", "}}", " ", "\n", "a"]
        )
    )
)
def test_no_directive_but_the_request_id_is_ever_written(tmp_path: Path, parts: list[str]):
    written(tmp_path, "".join(parts))
    try:
        text, _ = read_page(tmp_path, "page.html", AT)
    except ProblemsError:
        return
    wanted = len(re.findall(r"\{\{ ?request_id ?\}\}", text))
    for page in ERROR_PAGES:
        filled = fill_page(text, page)
        assert filled.count("<!--#") == filled.count(ECHO) == wanted


def test_a_misspelt_word_is_refused(tmp_path: Path):
    written(tmp_path, "{{ request_id }}\n{{ titel }}\n{{ page.status }}")
    assert said(tmp_path) == [
        f"./page.html:{line}: error: nothing fills in {word!r}, expected status, title, text,"
        f" request_id [override.page-word]\n    Did you mean {meant!r}?"
        for line, word, meant in [(2, "titel", "title"), (3, "page.status", "status")]
    ]


REFUSED = {
    "missing": (
        lambda _: None,
        "cannot be read: No such file or directory",
        "override.page-missing",
    ),
    "pipe": (os.mkfifo, "is not a regular file", "override.page-kind"),
    "folder": (Path.mkdir, "is not a regular file", "override.page-kind"),
    "device": (
        lambda file: file.symlink_to("/dev/zero"),
        "lies outside of .",
        "override.page-elsewhere",
    ),
    "outside": (
        lambda file: file.symlink_to("/etc/passwd"),
        "lies outside of .",
        "override.page-elsewhere",
    ),
    "itself": (lambda file: file.symlink_to(file), "cannot be read: ", "override.page-missing"),
    "huge": (
        lambda file: file.write_bytes(b" " * (MAX_BYTES + 1)),
        "has more than 262,144 bytes",
        "override.page-size",
    ),
    "binary": (
        lambda file: file.write_bytes(b"\xff\xfe"),
        "is not UTF-8 text",
        "override.page-text",
    ),
}


@for_each("kind", REFUSED)
def test_what_is_no_page_is_an_error_where_the_spec_names_it(tmp_path: Path, kind: str):
    make, message, code = REFUSED[kind]
    make(tmp_path / "page.html")
    (told,) = said(tmp_path)
    first = told.splitlines()[0]
    assert first.startswith(f"backend.yaml:7:9: error: ./page.html {message}")
    assert first.endswith(f"[{code}]")


def test_a_folder_that_leads_outside_is_an_error(tmp_path: Path):
    outside, folder = tmp_path / "outside", tmp_path / "app"
    written(outside, GOOD)
    folder.mkdir()
    (folder / "pages").symlink_to(outside)
    (told,) = said(folder, "pages/page.html")
    assert "[override.page-elsewhere]" in told


def test_a_link_inside_the_folder_is_as_good_as_the_file(tmp_path: Path):
    written(tmp_path, GOOD, "shared/page.html")
    (tmp_path / "page.html").symlink_to("shared/page.html")
    assert read_page(tmp_path, "page.html", AT) == (GOOD, [])


def test_a_page_and_a_template_for_the_same_are_one_too_many(tmp_path: Path):
    written(tmp_path, GOOD)
    written(tmp_path, "x", "waf/templates/errors/page.html.j2")
    assert find_overrides(tmp_path).page is None
    with pytest.raises(ProblemsError) as caught:
        find_overrides(tmp_path, "page.html", AT)
    assert [problem.code for problem in caught.value.problems] == ["override.page-twice"]
