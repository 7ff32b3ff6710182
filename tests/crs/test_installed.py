from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waf_builder.crs.installed import INITIALIZATION, crs_in, find_crs
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine


def rule_set(folder: Path, text: str) -> Path:
    file = folder / INITIALIZATION
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('SecComponentSignature "OWASP_CRS/4.25.1"\n', Version(4, 25, 1)),
        ("    ver:'OWASP_CRS/4.0.0',\\\n", Version(4, 0, 0)),
        ("# OWASP CRS ver.4.29.0-dev\n", Version(4, 29, 0)),
        ("# OWASP ModSecurity Core Rule Set ver.3.3.10\n", Version(3, 3, 10)),
        # Three digits and four: the setup version alone could be read two ways.
        ("@eq 0\nSecComponentSignature 'OWASP_CRS/3.3.10' # 3310\n", Version(3, 3, 10)),
    ],
)
def test_the_version_is_read_from_the_rules(tmp_path: Path, text: str, version: Version) -> None:
    found = find_crs(rule_set(tmp_path, text))
    assert found.version == version
    assert found.folder == tmp_path
    assert found.rules == tmp_path / "rules"


@pytest.mark.parametrize(
    "below", ["usr/share/modsecurity-crs", "usr/share/mod_modsecurity_crs", "."]
)
def test_a_root_with_an_installed_rule_set_will_do(tmp_path: Path, below: str) -> None:
    rule_set(tmp_path / below, 'SecComponentSignature "OWASP_CRS/3.3.4"\n')
    assert find_crs(tmp_path).folder == tmp_path / below


@pytest.mark.nginx
def test_the_rule_sets_of_the_real_engines(engine: Engine) -> None:
    found = find_crs(engine.root)
    assert found == engine.crs
    assert found.version.major == 3
    assert len(list(found.rules.glob("*.conf"))) > 25


def test_no_folder(tmp_path: Path) -> None:
    assert crs_in(tmp_path / "none") is None
    with pytest.raises(EngineError) as caught:
        find_crs(tmp_path / "none")
    assert str(caught.value) == f"no Core Rule Set in {tmp_path}/none: there is no such folder"


def test_a_folder_without_rules(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find_crs(tmp_path)
    assert str(caught.value) == (
        f"no Core Rule Set in {tmp_path}: it has no rules/REQUEST-901-INITIALIZATION.conf\n"
        "    Nor is there one below it, as distributions install it: usr/share/modsecurity-crs,"
        " usr/share/owasp-modsecurity-crs, usr/share/mod_modsecurity_crs\n"
        "    Give the folder of an unpacked release from"
        " https://github.com/coreruleset/coreruleset/releases"
    )


def test_the_folder_of_the_rules_itself(tmp_path: Path) -> None:
    rules = rule_set(tmp_path, "OWASP_CRS/4.25.1") / "rules"
    with pytest.raises(EngineError) as caught:
        find_crs(rules)
    assert str(caught.value) == (
        f"no Core Rule Set in {rules}: it has no rules/REQUEST-901-INITIALIZATION.conf\n"
        f"    This is the folder of the rules itself; give the one above: {tmp_path}"
    )


def test_a_folder_that_was_unpacked_into(tmp_path: Path) -> None:
    rule_set(tmp_path / "coreruleset-4.25.1", "OWASP_CRS/4.25.1")
    with pytest.raises(EngineError, match=r"one folder further down: .*/coreruleset-4\.25\.1$"):
        find_crs(tmp_path)


def test_rules_that_do_not_say_their_version(tmp_path: Path) -> None:
    rule_set(tmp_path, "SecRule ARGS x\n")
    with pytest.raises(EngineError) as caught:
        find_crs(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/rules/REQUEST-901-INITIALIZATION.conf does not say which Core Rule Set it is:"
        " no `OWASP_CRS/<version>` in it\n"
        "    Unpack a release again from https://github.com/coreruleset/coreruleset/releases"
    )
