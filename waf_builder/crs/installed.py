"""Which OWASP Core Rule Set a folder holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from waf_builder.errors import EngineError
from waf_builder.version import Version

INITIALIZATION = Path("rules") / "REQUEST-901-INITIALIZATION.conf"
"""The one file that every release since 3.0 has, with the version in it."""

DISTRIBUTION_FOLDERS = (
    Path("usr/share/modsecurity-crs"),  # Debian, Ubuntu
    Path("usr/share/owasp-modsecurity-crs"),
    Path("usr/share/mod_modsecurity_crs"),  # Fedora
)
"""Where distributions put the folder that holds `rules/`, below the root of a system."""

# `SecComponentSignature "OWASP_CRS/4.25.1"` and `ver:'OWASP_CRS/4.25.1'` say it in full. The
# variable tx.crs_setup_version does not: 3310 is 3.3.10, 334 is 3.3.4, 4100 could be either.
_VERSION = re.compile(
    r"OWASP_CRS/(\d+\.\d+\.\d+)|OWASP (?:ModSecurity Core Rule Set|CRS) ver\.(\S+)"
)


@dataclass(frozen=True)
class InstalledCrs:
    """A Core Rule Set on this machine.

    folder: holds `rules/`, and in an unpacked release `plugins/` and `crs-setup.conf.example`.
    """

    folder: Path
    version: Version

    @property
    def rules(self) -> Path:
        """The folder of the `*.conf` and `*.data` files."""
        return self.folder / "rules"


def find_crs(folder: Path) -> InstalledCrs:
    """Return the rule set that folder holds.

    folder is an unpacked release, or a root below which a distribution installed one.
    EngineError names what was looked for when there is neither.
    """
    found = crs_in(folder)
    if found is None:
        raise EngineError(_not_a_crs(folder))
    return found


def crs_in(folder: Path) -> InstalledCrs | None:
    """Return the rule set that folder holds, as `find_crs` does; None when there is none."""
    for candidate in (folder, *(folder / below for below in DISTRIBUTION_FOLDERS)):
        if (candidate / INITIALIZATION).is_file():
            return InstalledCrs(candidate, _version_in(candidate / INITIALIZATION))
    return None


def _version_in(file: Path) -> Version:
    text = file.read_text(encoding="utf-8", errors="replace")
    for match in _VERSION.finditer(text):
        number = re.match(r"\d+\.\d+\.\d+", match[1] or match[2])
        if number:
            return Version.parse(number[0])
    raise EngineError(
        f"{file} does not say which Core Rule Set it is: no `OWASP_CRS/<version>` in it\n"
        "    Unpack a release again from https://github.com/coreruleset/coreruleset/releases"
    )


def _not_a_crs(folder: Path) -> str:
    if not folder.is_dir():
        return f"no Core Rule Set in {folder}: there is no such folder"
    lines = [f"no Core Rule Set in {folder}: it has no {INITIALIZATION}"]
    if (folder / INITIALIZATION.name).is_file():
        lines.append(
            f"    This is the folder of the rules itself; give the one above: {folder.parent}"
        )
        return "\n".join(lines)
    unpacked = [path.parent.parent for path in sorted(folder.glob(f"*/{INITIALIZATION}"))]
    if unpacked:
        lines.append(f"    The release is one folder further down: {unpacked[0]}")
        return "\n".join(lines)
    looked = ", ".join(str(below) for below in DISTRIBUTION_FOLDERS)
    lines.append(f"    Nor is there one below it, as distributions install it: {looked}")
    lines.append(
        "    Give the folder of an unpacked release from"
        " https://github.com/coreruleset/coreruleset/releases"
    )
    return "\n".join(lines)
