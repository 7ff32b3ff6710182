"""A rendered tree made ready to run on this machine, in a folder that goes away again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from waf_builder.engine.link import link
from waf_builder.engine.model import Engine
from waf_builder.errors import WafBuilderError
from waf_builder.render.publish import staged
from waf_builder.spec.model import Backend


@contextmanager
def local_waf(tree: Mapping[str, str], engine: Engine) -> Iterator[Path]:
    """Yield a folder that `start-waf` can boot; it is removed afterwards."""
    with staged(tree) as folder:
        # Started as root, nginx's workers are somebody else, and read the error pages.
        folder.parent.chmod(0o755)
        link(engine, folder)
        yield folder


def backend_from_url(url: str) -> Backend:
    """Return the backend behind `http://HOST:PORT`; WafBuilderError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise WafBuilderError(f"--backend {url!r} is not a URL: {error}") from None
    if parts.scheme != "http" or not parts.hostname:
        raise WafBuilderError(
            f"--backend {url!r} is not supported, expected one such as http://127.0.0.1:3000\n"
            "    The way to the backend is private, so it is plain HTTP."
        )
    if parts.path.strip("/") or parts.query or parts.username:
        raise WafBuilderError(
            f"--backend {url!r} holds more than a host and a port\n"
            "    Paths go through unchanged, so only http://HOST:PORT is needed."
        )
    try:
        return Backend(host=parts.hostname, port=port)
    except ValidationError as error:
        raise WafBuilderError(f"--backend {url!r}: {error.errors()[0]['msg']}") from None
