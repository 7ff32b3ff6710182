"""A request's path as nginx decodes and normalizes it before it chooses a location."""

from __future__ import annotations

_HEX = frozenset("0123456789abcdefABCDEF")
_ENDS = frozenset("?#")


class UriError(ValueError):
    """nginx answers 400: there is no such path."""


def normalized(target: str) -> str:
    """Return the path of a request target as nginx's `$uri`; one character is one byte.

    The same steps as `ngx_http_parse_complex_uri` with `merge_slashes on`:
    https://github.com/nginx/nginx/blob/master/src/http/ngx_http_parse.c. An encoded slash or dot
    counts like a plain one; `?`, `#` and `%` that were encoded are only characters.
    """
    out: list[str] = []
    state = "usual"
    for char, literal in _characters(target):
        if char in _ENDS and not literal:
            break
        state = _step(state, char, out)
    if state == "dot":
        out.pop()
    elif state == "dots":
        _up(out)
    return "".join(out)


def _step(state: str, char: str, out: list[str]) -> str:
    if char == "/":
        if state == "dot":
            out.pop()
        elif state == "dots":
            _up(out)
        elif state == "usual":
            out.append(char)
        return "slash"
    if char == "." and state in {"slash", "dot"}:
        out.append(char)
        return "dot" if state == "slash" else "dots"
    out.append(char)
    return "usual"


def _up(out: list[str]) -> None:
    """Take `/name/..` away, and leave the slash before it."""
    del out[-3:]
    while out and out[-1] != "/":
        out.pop()
    if not out:
        raise UriError


def _characters(target: str) -> list[tuple[str, bool]]:
    """Return the characters of a path and its end, and whether each stands for nothing else."""
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(target):
        char = target[at]
        if char != "%":
            found.append((char, False))
            if char in _ENDS:
                break
            at += 1
            continue
        pair = target[at + 1 : at + 3]
        if len(pair) != 2 or not _HEX.issuperset(pair) or pair == "00":  # noqa: PLR2004
            raise UriError
        found.append((chr(int(pair, 16)), True))
        at += 3
    return found
