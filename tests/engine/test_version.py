from __future__ import annotations

import pytest

from waf_builder.version import Version, is_wanted_version


@pytest.mark.parametrize("text", ["1.27.3", "3.0.16", "0.0.0"])
def test_parse_gives_back_what_str_says(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1", "1.27", "1.27.3.4", "1.27.x", "v1.27.3", "1.27.3-dev"])
def test_parse_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version, expected three numbers"):
        Version.parse(text)


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("1.9.0") < Version.parse("1.22.1") < Version.parse("1.27.3")


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("4", True),
        ("4.25", True),
        ("4.25.1", True),
        ("3", False),
        ("4.2", False),
        ("4.25.0", False),
    ],
)
def test_fits_takes_a_major_a_minor_or_an_exact_version(wanted: str, *, fits: bool) -> None:
    assert Version(4, 25, 1).fits(wanted) is fits


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4", True), ("4.25", True), ("3.3.4", True), ("./4", False), ("crs", False), ("4.", False)],
)
def test_a_wanted_version_is_told_from_a_folder(text: str, *, expected: bool) -> None:
    assert is_wanted_version(text) is expected
