from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from waf_builder.engine.packages import Apt, private_status
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt")

SYSTEM = """\
Package: libxml2
Status: install ok installed
Priority: optional
Architecture: amd64
Multi-Arch: same
Version: 2.9.14
Provides: libxml2-virtual
Depends: libc6 (>= 2.36), something-broken
Conffiles:
 /etc/x 123
Description: a library
 with a long description

Package: nginx
Status: install ok installed
Architecture: amd64
Version: 1.22.1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: held
Status: hold ok installed
Architecture: amd64
Version: 3
"""


def test_the_private_status_has_what_matters_and_nothing_that_stands_in_the_way() -> None:
    status = private_status(SYSTEM, without=re.compile("nginx|other"), placeholders=["iproute2"])
    assert status == (
        "Package: libxml2\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n"
        "Version: 2.9.14\nProvides: libxml2-virtual\nMaintainer: none\nDescription: none\n\n"
        "Package: held\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 3\n"
        "Maintainer: none\nDescription: none\n\n"
        "Package: iproute2\nStatus: install ok installed\nVersion: 99:0\nArchitecture: all\n"
        "Maintainer: none\nDescription: none\n\n"
    )


@needs_apt
def test_the_machine_s_settings_count_and_its_hooks_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "machine.conf").write_text(
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Retries "7";\n'
        'APT::Default-Release "stable";\n'
        'APT::Update::Post-Invoke { "touch /tmp/hook"; };\n'
        'DPkg::Post-Invoke { "touch /tmp/hook"; };\n'
        'Acquire::Languages "fr";\n'
        'Dir::State "/elsewhere";\n'
        'Acquire::IndexTargets::deb::Contents { MetaKey "x"; };\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "machine.conf"))
    Apt(tmp_path / "apt", "")
    written = (tmp_path / "apt/apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in written
    assert 'APT::Default-Release "stable";' in written
    retries = re.findall(r'^Acquire::Retries "(\d+)";$', written, re.MULTILINE)
    assert retries[-1] == "7"
    for unwanted in ("hook", '"fr"', "/elsewhere", "IndexTargets"):
        assert unwanted not in written


@needs_apt
def test_a_folder_that_apt_cannot_name(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="apt cannot use a folder with a double quote"):
        Apt(tmp_path / 'a"b', "")
