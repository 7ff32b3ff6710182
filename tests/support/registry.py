"""A package registry and a package index on loopback, which tests can empty and shut.

They serve real packages and real wheels, got once, so that a deploy in a test goes the same way
as on a platform, and neither needs the network nor waits for it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Self

_DEAD = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Network:
    """What a deploy is told about where packages come from."""

    apt_config: Path
    index: str

    def variables(self) -> dict[str, str]:
        return {
            "APT_CONFIG": str(self.apt_config),
            "PIP_INDEX_URL": f"{self.index}/simple/",
            # The machine's own settings would lead to other indexes.
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_FIND_LINKS": "",
            "PIP_EXTRA_INDEX_URL": "",
        }


class Registry:
    """Serves a folder with `debian/` and `simple/`; entered, `network` leads there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        handler = partial(_Quiet, directory=str(self.folder))
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def network(self, folder: Path) -> Network:
        """Return settings that lead here, written below folder."""
        return network(folder, self.url)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed in the middle."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        pass


def network(folder: Path, url: str, *, down: bool = False) -> Network:
    """Return settings for a registry at url; down: what a deploy sees when it does not answer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb [trusted=yes] {url}/debian/ ./\n")
    proxy = f'Acquire::http::Proxy "{_DEAD}";\n' if down else 'Acquire::http::Proxy "DIRECT";\n'
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
        'Acquire::Retries "0";\n' + proxy
    )
    return Network(folder / "apt.conf", _DEAD if down else url)


def write_debian(folder: Path, archives: Iterable[Path]) -> None:
    """Make a flat Debian repository of these package files below folder."""
    (folder / "pool").mkdir(parents=True)
    stanzas = []
    for archive in archives:
        (folder / "pool" / archive.name).hardlink_to(archive)
        control = subprocess.run(
            ["dpkg-deb", "-f", archive],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.rstrip()
        data = archive.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        stanzas.append(
            f"{control}\nFilename: pool/{archive.name}\nSize: {len(data)}\nSHA256: {digest}\n"
        )
    (folder / "Packages").write_text("\n".join(stanzas))


def write_index(folder: Path, wheels: Iterable[Path]) -> None:
    """Make a Python package index (PEP 503) of these wheels below folder."""
    names: dict[str, list[Path]] = {}
    for wheel in wheels:
        name = wheel.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
        names.setdefault(name, []).append(wheel)
    for name, files in names.items():
        below = folder / name
        below.mkdir(parents=True)
        for file in files:
            (below / file.name).hardlink_to(file)
        links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in files)
        (below / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")
