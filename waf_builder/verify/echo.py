"""A backend that shows what it was asked, so that rules about responses have something to find."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote_to_bytes
from zlib import crc32

from waf_builder.run.proof import Answer, ProofBackend

_FAILS = 16


class _Echo(Answer):
    def answer(self) -> tuple[int, bytes]:
        """Return the target as text; one in sixteen with status 500."""
        text = unquote_to_bytes(self.path.replace("+", " "))
        failed = crc32(text) % _FAILS == 0
        return (HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK), text


def echo() -> ProofBackend:
    """Return such a backend; entered, `port` is where."""
    return ProofBackend(_Echo)
