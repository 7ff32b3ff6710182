from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waf_builder.engine import layout
from waf_builder.engine.lean import make_lean
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


@pytest.mark.nginx
def test_only_what_an_engine_needs_is_kept(copied: Path, tmp_path: Path, cache: Path) -> None:
    before = files(copied)
    # As packages have it: the library's name is a link to its file, and much else is there.
    library = next(copied.glob("usr/lib/*/libmodsecurity.so.3"))
    library.rename(library.with_name("libmodsecurity.so.3.9.9"))
    library.symlink_to("libmodsecurity.so.3.9.9")
    for extra in (
        "usr/share/doc/nginx/copyright",
        "usr/lib/libunused.so.1",
        "etc/nginx/nginx.conf",
    ):
        (copied / extra).parent.mkdir(parents=True, exist_ok=True)
        (copied / extra).touch()
    (copied / "usr/share/modsecurity-crs/rules/dangling.conf").symlink_to("/none")
    make_lean(copied, tmp_path / "lean")
    assert files(tmp_path / "lean") == before - {"packages.txt"}


@pytest.mark.nginx
def test_a_library_that_is_nowhere(copied: Path, tmp_path: Path) -> None:
    next(copied.glob("usr/lib/*/libmodsecurity.so.3")).unlink()
    with pytest.raises(EngineError) as caught:
        make_lean(copied, tmp_path / "lean")
    assert str(caught.value) == (
        f"{layout.MODULE} needs libmodsecurity.so.3,"
        " which neither the packages nor this machine has"
    )


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("usr/sbin/nginx", "the packages hold no usr/sbin/nginx"),
        ("etc/nginx/unicode.mapping", "the packages hold no unicode.mapping"),
    ],
)
def test_a_part_that_is_missing(copied: Path, tmp_path: Path, part: str, message: str) -> None:
    (copied / part).unlink()
    with pytest.raises(EngineError) as caught:
        make_lean(copied, tmp_path / "lean")
    assert str(caught.value) == message
