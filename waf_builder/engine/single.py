"""One package of the distribution, unpacked without root."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from waf_builder.engine import store
from waf_builder.engine.packages import Apt, AptError, installed, private_status
from waf_builder.errors import EngineError


def unpack_package(
    name: str,
    folder: Path,
    *,
    alone: bool = False,
    patience: Mapping[str, str] | None = None,
) -> Path:
    """Return a folder below `folder` with the files of the package, and of what it needs besides.

    The package lists are those of this machine's engines, and fetched only when what they name
    cannot be had: they are the larger part of the download.
    alone: without what it needs, which takes apt half the time.
    patience: apt settings about waiting. EngineError says what apt said.
    """
    lists = store.folder() / "apt" / "state" / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    status = private_status(installed(), without=re.compile(re.escape(name)), placeholders=())
    apt = Apt(folder / "apt", status, {"Dir::State::lists": f"{lists}/", **(patience or {})})
    try:
        archives = _archives(apt, name, alone=alone)
    finally:
        apt.close()
    unpacked = folder / "unpacked"
    for archive in archives:
        command = ["dpkg-deb", "-x", str(archive), str(unpacked)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if run.returncode != 0:
            raise EngineError(f"cannot unpack {archive.name}: {run.stderr.strip()}")
    return unpacked


def _archives(apt: Apt, name: str, *, alone: bool) -> list[Path]:
    try:
        return apt.download(apt.resolve([name], alone=alone))
    except AptError:
        complaints = apt.update()
    try:
        return apt.download(apt.resolve([name], alone=alone))
    except AptError as error:
        said = list(dict.fromkeys([*error.said, *complaints]))[:4]
        raise EngineError("\n".join([str(error), *said])) from error
