"""A user's own error page: one HTML file beside the spec, with words to fill in."""

from __future__ import annotations

import html
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from waf_builder.config.model import ErrorPage
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place, Problem, Severity, did_you_mean

MAX_BYTES = 256 * 1024
"""Of a page, which is sent for every refusal."""

_PLACEHOLDER = re.compile(r"\{\{[ \t]*(.*?)[ \t]*\}\}")
_WORDS = ("status", "title", "text", "request_id")
_DIRECTIVE = "<!--#"
"""How a directive for nginx begins: https://nginx.org/en/docs/http/ngx_http_ssi_module.html"""
_REQUEST_ID = '<!--# echo var="waf_request_id" -->'


def read_page(folder: Path, name: str, place: Place | None) -> tuple[str, list[Problem]]:
    """Return the text of a page below folder, and the warnings about it.

    place: where the spec names it. Raises ProblemsError for a file that is not there, is not a
    page, lies elsewhere, or holds what nginx would carry out.
    """
    path = folder / name
    text = _read(folder, path, place)
    problems = list(_problems(text, path))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ProblemsError(problems)
    return text, problems


def fill_page(text: str, page: ErrorPage) -> str:
    """Return the page for one status; nginx fills in the request id itself."""
    words = {
        "status": str(page.status),
        "title": html.escape(page.title),
        "text": html.escape(page.text),
        "request_id": _REQUEST_ID,
    }
    return _PLACEHOLDER.sub(lambda found: words[found[1]], text)


def _read(folder: Path, path: Path, place: Place | None) -> str:
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
        found = path.stat()
        if not inside:
            raise _refused("override.page-elsewhere", f"{path} lies outside of {folder}", place)
        if not stat.S_ISREG(found.st_mode):
            raise _refused("override.page-kind", f"{path} is not a regular file", place)
        if found.st_size > MAX_BYTES:
            message = f"{path} has more than {MAX_BYTES:,} bytes"
            hint = "It is sent with every refusal; link to large pictures, or leave them out."
            raise _refused("override.page-size", message, place, hint)
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text"
        raise _refused("override.page-text", message, place) from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it links to itself"
        message = f"{path} cannot be read: {reason}"
        raise _refused("override.page-missing", message, place) from None


def _refused(code: str, message: str, place: Place | None, hint: str = "") -> ProblemsError:
    return ProblemsError([Problem(code, message, place, hint)])


def _problems(text: str, path: Path) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(str(path), number)
        if _DIRECTIVE in line:
            yield Problem(
                "override.page-directive",
                f"{_DIRECTIVE} begins a directive that nginx would carry out",
                place,
                "Write a comment with a space, <!-- #, or leave it out.",
            )
        for word in _PLACEHOLDER.findall(line):
            if word not in _WORDS:
                yield Problem(
                    "override.page-word",
                    f"nothing fills in {word!r}, expected {', '.join(_WORDS)}",
                    place,
                    did_you_mean(word, _WORDS),
                )
    if "request_id" not in _PLACEHOLDER.findall(text):
        yield Problem(
            "override.page-no-id",
            "this page does not tell the request id",
            Place(str(path)),
            "With {{ request_id }} in it, a refused user can name the request.",
            Severity.WARNING,
        )
