"""Whether a regular expression compiles, asked of PCRE itself where it is there.

PCRE's syntax is not Python's, so `re` cannot say. libpcre2 is on nearly every Linux machine (glib,
git, selinux and libmodsecurity itself load it); elsewhere only what is wrong in any dialect counts.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache

# The options of libmodsecurity's src/utils/regex.cc.
_DOTALL = 0x20
_MULTILINE = 0x400
_LIBRARIES = ("libpcre2-8.so.0", "libpcre2-8.so", "libpcre2-8.dylib")
_ERROR_LENGTH = 256


Compiler = Callable[[str], str]


def regex_error(pattern: str) -> str:
    """Return why PCRE does not compile a pattern, or an empty string if it does."""
    return (_pcre2() or careful_error)(pattern)


@cache
def _pcre2() -> Compiler | None:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            return _bound(library)
        except (OSError, AttributeError):
            continue
    return None


def _bound(library: ctypes.CDLL) -> Compiler:
    compile_pattern = library.pcre2_compile_8
    compile_pattern.restype = ctypes.c_void_p
    compile_pattern.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_int),
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.c_void_p,
    ]
    free = library.pcre2_code_free_8
    free.restype = None
    free.argtypes = [ctypes.c_void_p]
    explain = library.pcre2_get_error_message_8
    explain.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]

    def error(pattern: str) -> str:
        encoded = pattern.encode("utf-8", "surrogateescape")
        code = ctypes.c_int()
        offset = ctypes.c_size_t()
        compiled = compile_pattern(encoded, len(encoded), _DOTALL | _MULTILINE, code, offset, None)
        if compiled:
            free(compiled)
            return ""
        message = ctypes.create_string_buffer(_ERROR_LENGTH)
        explain(code, message, _ERROR_LENGTH)
        return f"{message.value.decode()} at character {offset.value + 1}"

    return error


# A literal \Q...\E, a comment, an escape, a class (whose first ] stands for itself), or one sign.
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\(\?#[^)]*\)|\\.|(?P<end>\\\Z)|(?P<class>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*(?P<close>\]?))|.",
    re.DOTALL,
)
_EXTENDED = re.compile(r"\(\?[a-zA-Z^-]*x")


def careful_error(pattern: str) -> str:
    """Return what is wrong with a pattern in any dialect, or an empty string.

    Only this: a backslash at the end, a class that is not closed, parentheses that do not match,
    nothing before a * or +.
    """
    if _EXTENDED.search(pattern):  # its comments may hold anything
        return ""
    depth = 0
    before = "("
    for token in _TOKEN.finditer(pattern):
        sign = token[0]
        if token["end"]:
            return "\\ at end of pattern"
        if token["class"] and not token["close"]:
            return f"missing ] for the class at character {token.start() + 1}"
        if sign in "*+" and before in "(|":
            # (*VERB) and (*MARK) are PCRE's own.
            if sign == "*" and pattern[token.start() - 1 : token.start()] == "(":
                before = "x"
                continue
            return f"nothing to repeat at character {token.start() + 1}"
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            return f"unmatched ) at character {token.start() + 1}"
        before = sign
    return "missing closing parenthesis" if depth else ""
