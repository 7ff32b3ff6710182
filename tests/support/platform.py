"""A platform's prebuilt archives, made of a real engine: its layout, names and checksums."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

from waf_builder.engine.archives import Versions
from waf_builder.engine.libraries import libraries

if TYPE_CHECKING:
    from pathlib import Path

    from support.files import FileServer
    from waf_builder.engine.model import Engine

_ARGUMENTS = b"configure arguments:"
PREFIX = "/app/vendor/nginx"


def archives(engine: Engine) -> dict[str, bytes]:
    """Return the two archives as the platform's packaging scripts make them: `tar zcf X .`."""
    versions = Versions(engine.nginx_version, engine.modsecurity_version)
    nginx = {
        "sbin/nginx": _built_for(PREFIX, engine.nginx.read_bytes()),
        f"modules/{engine.module.name}": engine.module.read_bytes(),
        "conf/nginx.conf": b"worker_processes 1;\n",
        "conf/mime.types": b"types { text/html html; }\n",
        "html/index.html": b"<h1>Welcome</h1>\n",
    }
    modsecurity = {"include/modsecurity/modsecurity.h": b"#pragma once\n"}
    links = {}
    for soname, path in _own_libraries(engine).items():
        whole = f"{soname}.9.9"
        if soname.startswith("libmodsecurity"):
            modsecurity["lib/libmodsecurity.a"] = b"!<arch>\n" + bytes(1_000_000)
            folder = "lib"
        else:
            folder = "usr/lib/x86_64-linux-gnu"
        modsecurity[f"{folder}/{whole}"] = path.read_bytes()
        links[f"{folder}/{soname}"] = whole
        links[f"{folder}/{soname.partition('.so')[0]}.so"] = soname
    # A link of a -dev package, from one top folder to another.
    links["usr/lib/x86_64-linux-gnu/libz.so"] = "/lib/x86_64-linux-gnu/libz.so.1"
    names = versions.archives()
    return {names[0]: tgz(nginx), names[1]: tgz(modsecurity, links)}


def publish(server: FileServer, stack: str, packed: dict[str, bytes]) -> None:
    """Serve archives under the platform's layout."""
    for name, body in packed.items():
        base = f"{stack}/package/{name}"
        server.files[base] = body
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        server.files[f"{base.removesuffix('.tgz')}.md5"] = f"{md5}\n".encode()


def tgz(files: dict[str, bytes], links: dict[str, str] | None = None, *, dot: str = "./") -> bytes:
    """Return a .tar.gz of files and symbolic links, with names as `tar c .` writes them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(f"{dot}{name}")
            member.size = len(body)
            member.mode = 0o755 if body.startswith(b"\x7fELF") else 0o644
            tar.addfile(member, io.BytesIO(body))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(f"{dot}{name}")
            member.type = tarfile.SYMTYPE
            member.linkname = target
            tar.addfile(member)
    return packed.getvalue()


def _own_libraries(engine: Engine) -> dict[str, Path]:
    """Return the libraries that came with the engine, by the name that is loaded."""
    both = {**libraries(engine.nginx, engine.start), **libraries(engine.module, engine.start)}
    root = engine.root.resolve()
    return {
        name: path
        for name, path in both.items()
        if path is not None and path.resolve().is_relative_to(root)
    }


def _built_for(prefix: str, nginx: bytes) -> bytes:
    """Return an nginx whose `-V` says what that of the platform says."""
    start = nginx.index(_ARGUMENTS) + len(_ARGUMENTS)
    end = nginx.index(b"\n", start)
    said = f" --prefix={prefix} --with-http_ssl_module --with-compat".encode()
    return nginx[:start] + said.ljust(end - start) + nginx[end:]
