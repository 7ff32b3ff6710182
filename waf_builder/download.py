"""Get a file over the network, whole and verified, or say why it cannot be had."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from waf_builder import __version__
from waf_builder.errors import WafBuilderError
from waf_builder.progress import Progress

if TYPE_CHECKING:
    from email.message import Message


MAX_BYTES = 256 * 1024**2
"""More than any archive this project takes; a server that sends more is not the right one."""
_LOGIN = re.compile("//.*@")
_CHUNK = 256 * 1024
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be gone a moment later: RFC 9110, 15.5.9 and 15.6; RFC 6585, 4."""
_ALGORITHMS = {"md5": 32, "sha256": 64}
"""Kinds of digest, and their length in hexadecimal digits."""


class DownloadError(WafBuilderError):
    """A file that could not be had; `str()` names it and says why.

    unreachable: no answer came, or one that says that the server has trouble, so that what the
    last time brought may be used instead. False for an answer: not there, not allowed, wrong.
    """

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        self.unreachable = unreachable
        super().__init__(message)


@dataclass(frozen=True)
class Patience:
    """How long a download may take.

    attempts: how often it is tried; pause: seconds before the second try, doubled before each
    further one; stall: seconds without a byte; total: seconds for one try.
    """

    attempts: int = 3
    pause: float = 1.0
    stall: float = 15.0
    total: float = 180.0


PATIENT = Patience()
BRIEF = Patience(attempts=1, stall=5.0, total=15.0)
"""For what may be left out, such as a question whose last answer is known."""


def digest_of(file: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file's bytes, as `sha256:<hex>`; OSError if it cannot be read."""
    return f"{algorithm}:{_hash(file, algorithm)}"


def download(  # noqa: PLR0913  each is a word at the call
    url: str,
    target: Path,
    digest: str | None = None,
    *,
    progress: Progress | None = None,
    patience: Patience = PATIENT,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Put what url (https or http) names at target, and return its `sha256:<hex>`.

    digest: `sha256:<hex>` or `md5:<hex>` that it must have.
    progress: called with a line for people before each further try.
    Proxies are taken from the environment. The file appears at target only when it is whole and
    verified; else target is left as it was. DownloadError says what failed and what to do.
    """
    _require_web(url)
    algorithm, _, wanted = (digest or "").partition(":")
    if digest and len(wanted) != _ALGORITHMS.get(algorithm):
        raise ValueError(f"{digest!r} is not a digest such as sha256:<64 hexadecimal digits>")
    for attempt in range(1, patience.attempts + 1):
        try:
            return _try(url, target, digest, patience, max_bytes)
        except DownloadError as error:
            if not error.unreachable or attempt == patience.attempts:
                raise
            if progress is not None:
                progress(f"trying again: {str(error).splitlines()[0]}")
            time.sleep(patience.pause * 2 ** (attempt - 1))
    raise AssertionError  # the last try returns or raises


def text_at(
    url: str,
    *,
    progress: Progress | None = None,
    patience: Patience = PATIENT,
    max_bytes: int = 4096,
) -> str:
    """Return a short text such as a checksum; DownloadError if it is long or cannot be had."""
    with tempfile.TemporaryDirectory(prefix="waf-builder-download-") as folder:
        file = Path(folder) / "text"
        download(url, file, progress=progress, patience=patience, max_bytes=max_bytes)
        return file.read_text(encoding="utf-8", errors="replace")


def _try(url: str, target: Path, digest: str | None, patience: Patience, max_bytes: int) -> str:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".download-", dir=target.parent)
    except OSError as error:
        raise DownloadError(f"cannot write to {target.parent}: {error.strerror}") from error
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _fetch(url, stream, patience, max_bytes)
        if digest and (found := digest_of(staged, digest.partition(":")[0])) != digest:
            raise DownloadError(
                f"{url} is not what was expected: its digest is {found}, expected {digest}\n"
                "    It was changed at its source or on the way here, so it is not used."
            )
        staged.chmod(0o644)
        staged.replace(target)
        return digest_of(target)
    except OSError as error:
        raise DownloadError(f"cannot write {url} to {target}: {error.strerror}") from error
    finally:
        staged.unlink(missing_ok=True)


def _fetch(url: str, stream: IO[bytes], patience: Patience, max_bytes: int) -> None:
    request = urllib.request.Request(  # noqa: S310  _require_web has looked at it
        url, headers={"User-Agent": f"waf-builder/{__version__}"}
    )
    try:
        with _opener().open(request, timeout=patience.stall) as response:
            _copy(url, response, stream, patience, max_bytes)
    except urllib.error.HTTPError as error:
        with error:
            again = error.code in _TRY_AGAIN
            raise DownloadError(
                f"{url} cannot be had: the server answers {error.code} {error.reason}",
                unreachable=again,
            ) from None
    except urllib.error.URLError as error:
        raise _unreachable(url, error.reason) from None
    except http.client.InvalidURL:
        # Its words quote the address of a proxy, in which a password may stand.
        raise DownloadError(
            f"{url} cannot be reached: the address of the server, or of the proxy, is not valid\n"
            "    Mend $http_proxy and $https_proxy, expected one such as http://proxy:3128.",
            unreachable=True,
        ) from None
    except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise _unreachable(url, error) from None


def _copy(
    url: str,
    response: http.client.HTTPResponse,
    stream: IO[bytes],
    patience: Patience,
    max_bytes: int,
) -> None:
    end = time.monotonic() + patience.total
    announced = response.headers.get("Content-Length")
    received = 0
    while chunk := response.read1(_CHUNK):
        received += len(chunk)
        if received > max_bytes:
            raise DownloadError(f"{url} is larger than {max_bytes:,} bytes, which it should not be")
        if time.monotonic() > end:
            raise DownloadError(
                f"{url} did not arrive within {patience.total:g} seconds", unreachable=True
            )
        stream.write(chunk)
    # A connection that breaks looks like an end; only the length tells.
    if announced is not None and received != int(announced):
        raise DownloadError(
            f"{url} did not arrive whole: {received:,} of {int(announced):,} bytes",
            unreachable=True,
        )


def _unreachable(url: str, reason: object) -> DownloadError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"{url} cannot be had: its certificate is not trusted: {reason.verify_message}\n"
            "    This machine's list of authorities is the package ca-certificates;"
            " $SSL_CERT_FILE names another."
        )
    said = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
    return DownloadError(
        f"{url} cannot be reached: {said or type(reason).__name__}\n"
        "    Check the network; behind a proxy, set $https_proxy.",
        unreachable=True,
    )


def _require_web(url: str) -> None:
    shown = _LOGIN.sub("//[...]@", url)  # this ends in a build log
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        why = f": {error}" if shown == url else ""
        raise DownloadError(f"{shown!r} is not a URL{why}") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise DownloadError(f"{shown!r} is not a URL that starts with https:// or http://")
    if parts.username is not None:
        raise DownloadError(
            f"{shown} has a user's name, and none is ever sent\n"
            "    Name a server that asks for none."
        )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow as urllib does, but never out of TLS."""

    def redirect_request(  # noqa: PLR0913, PLR0917  its parent's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request for the place that the answer names."""
        _require_web(newurl)
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise DownloadError(f"{req.full_url} is redirected to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener: that one reads file: and ftp: too.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _hash(file: Path, algorithm: str) -> str:
    found = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
