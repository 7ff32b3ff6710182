"""Archives as they are made, and as somebody with bad intentions makes them."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from support.cases import for_each

from waf_builder.archive import ArchiveError, unpack


def everything(name: PurePosixPath) -> PurePosixPath:
    return name


def packed(tmp_path: Path, *members: tuple[str, bytes | str, bytes]) -> Path:
    """Return an archive of members: name, content or what a link leads to, and kind."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, "w:gz") as tar:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if isinstance(content, str):
                member.linkname = content
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return file


FILE, LINK, HARD, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def unpacked(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    assert not [path for path in files if path.is_symlink()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_only_what_is_wanted_and_where_it_is_wanted(tmp_path: Path) -> None:
    archive = packed(
        tmp_path,
        ("./", b"", DIR),
        ("./lib", b"", DIR),
        ("./lib/libx.so.1.2", b"code", FILE),
        ("./include/x.h", b"text", FILE),
    )
    unpack(archive, tmp_path / "out", lambda name: name if name.suffix == ".2" else None)
    assert unpacked(tmp_path / "out") == {"lib/libx.so.1.2": b"code"}


def test_links_become_copies(tmp_path: Path) -> None:
    archive = packed(
        tmp_path,
        # A link may stand before what it leads to.
        ("lib/libx.so.1", "libx.so.1.2", LINK),
        ("lib/libx.so.1.2", b"code", FILE),
        ("usr/lib/up.so.1", "../../lib/./libx.so.1", LINK),
        ("usr/lib/hard.so.1", "lib/libx.so.1.2", HARD),
        ("lib/gone.so.1", "nowhere", LINK),
        ("lib/folder", "/usr", DIR),
    )
    unpack(archive, tmp_path / "out", everything)
    assert unpacked(tmp_path / "out") == {
        "lib/libx.so.1": b"code",
        "lib/libx.so.1.2": b"code",
        "usr/lib/up.so.1": b"code",
        "usr/lib/hard.so.1": b"code",
    }


def test_only_the_right_to_execute_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.tgz"
    with tarfile.open(file, "w:gz") as tar:
        for name, mode in (("set-uid", 0o4777), ("secret", 0o600), ("program", 0o711)):
            member = tarfile.TarInfo(name)
            member.mode = mode
            member.uid = 12345
            tar.addfile(member, io.BytesIO())
    unpack(file, tmp_path / "out", everything)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (tmp_path / "out").iterdir()}
    assert modes == {"set-uid": 0o755, "secret": 0o644, "program": 0o755}


@for_each(
    ("member", "why"),
    [
        (("../evil", b"x", FILE), "'../evil' leads out of it, to '../evil'"),
        (("a/../../evil", b"x", FILE), "'a/../../evil' leads out of it, to 'a/../../evil'"),
        (("/etc/evil", b"x", FILE), "'/etc/evil' leads out of it, to '/etc/evil'"),
        (("..", b"", DIR), "'..' leads out of it, to '..'"),
        (("a/link", "/etc/passwd", LINK), "'a/link' leads out of it, to '/etc/passwd'"),
        (("a/link", "../../passwd", LINK), "'a/link' leads out of it, to '../../passwd'"),
        (("a/hard", "../passwd", HARD), "'a/hard' leads out of it, to '../passwd'"),
        (("a/hard", "/etc/passwd", HARD), "'a/hard' leads out of it, to '/etc/passwd'"),
        (("loop", "loop", LINK), "loop leads to itself"),
        (("pipe", b"", tarfile.FIFOTYPE), "pipe is neither a file nor a link"),
        (("disk", b"", tarfile.BLKTYPE), "disk is neither a file nor a link"),
    ],
)
def test_what_reaches_outside_is_refused(
    tmp_path: Path, member: tuple[str, bytes | str, bytes], why: str
) -> None:
    archive = packed(tmp_path, member)
    with pytest.raises(ArchiveError) as caught:
        unpack(archive, tmp_path / "out", everything)
    assert str(caught.value) == f"a.tgz is refused, nothing of it is used: {why}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tgz"]


def test_a_name_that_leads_out_is_refused_even_if_nobody_wants_it(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        unpack(packed(tmp_path, ("../evil", b"x", FILE)), tmp_path / "out", lambda _name: None)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = packed(tmp_path, ("lib", str(outside), LINK), ("lib/evil", b"x", FILE))
    unpack(archive, tmp_path / "out", lambda name: name if name.name == "evil" else None)
    assert list(outside.iterdir()) == []
    assert unpacked(tmp_path / "out") == {"lib/evil": b"x"}


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    archive = packed(tmp_path, ("zeros", bytes(2_000_000), FILE))
    assert archive.stat().st_size < 10_000
    with pytest.raises(ArchiveError, match="unpacks to more than any archive of this kind"):
        unpack(archive, tmp_path / "out", everything, max_bytes=1_999_999)
    assert unpacked(tmp_path / "out") == {}


@pytest.mark.parametrize("kept", [0, 1, 9, 200, 50_000, 100_000])
def test_a_truncated_archive_is_damaged(tmp_path: Path, kept: int) -> None:
    noise = random.Random(1).randbytes(100_000)
    archive = packed(tmp_path, ("a", noise, FILE))
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(ArchiveError, match=r"^a\.tgz is damaged: "):
        unpack(archive, tmp_path / "out", everything)


@pytest.mark.parametrize(
    "content",
    [b"<html>404</html>", gzip.compress(b"no tar" * 200)],
    ids=["a page", "no tar"],  # compressed data holds the time, and ids are the same everywhere
)
def test_what_is_no_archive_is_damaged(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"^a\.tgz is damaged: "):
        unpack(archive, tmp_path / "out", everything)
