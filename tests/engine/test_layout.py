from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waf_builder.engine import layout
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    "folder",
    [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
        "usr/lib/arm-linux-gnueabihf",
        "lib/x86_64-linux-gnu",
        "usr/lib64",
        "lib64",
        "usr/lib",
    ],
)
def test_libraries_are_found_whatever_the_processor(tmp_path: Path, folder: str) -> None:
    touch(tmp_path / folder / "libmodsecurity.so.3")
    (tmp_path / "usr/lib/nginx/modules").mkdir(parents=True)
    assert layout.library_path(tmp_path) == (tmp_path / folder,)


@pytest.mark.parametrize(
    "name",
    [
        "usr/lib64/ld-linux-x86-64.so.2",
        "lib64/ld-linux-x86-64.so.2",
        "usr/lib/ld-linux-aarch64.so.1",
        "usr/lib/s390x-linux-gnu/ld64.so.1",
    ],
)
def test_a_root_s_own_loader_is_found(tmp_path: Path, name: str) -> None:
    assert layout.loader(tmp_path) is None
    loader = touch(tmp_path / name)
    assert layout.loader(tmp_path) == loader


def test_a_link_to_the_machine_s_loader_is_not_the_root_s_own(tmp_path: Path) -> None:
    machines = touch(tmp_path / "machine/ld-linux-x86-64.so.2")
    link = tmp_path / "root/lib64/ld-linux-x86-64.so.2"
    link.parent.mkdir(parents=True)
    link.symlink_to(machines)
    assert layout.loader(tmp_path / "root") is None


def test_a_root_behind_a_link_has_its_own_loader(tmp_path: Path) -> None:
    touch(tmp_path / "engine-1/usr/lib64/ld-linux-x86-64.so.2")
    (tmp_path / "current").symlink_to("engine-1")
    assert layout.loader(tmp_path / "current") is not None


@pytest.mark.parametrize("name", ["a:b", "a;b", "a$b"])
def test_a_folder_name_that_the_loader_would_read_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    touch(root / "usr/lib/libmodsecurity.so.3")
    with pytest.raises(EngineError) as caught:
        layout.library_path(root)
    assert str(caught.value) == (
        f"the engine folder {root} cannot be used:"
        " its name holds one of `:`, `;`, `$`, which the dynamic loader would read\n"
        "    Move it to a folder without them."
    )


@pytest.mark.parametrize("name", layout.UNICODE_MAPS)
def test_unicode_mapping_is_found_where_packages_put_it(tmp_path: Path, name: str) -> None:
    assert layout.unicode_map(tmp_path) is None
    file = touch(tmp_path / name)
    assert layout.unicode_map(tmp_path) == file
