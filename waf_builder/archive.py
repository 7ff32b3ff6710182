"""Take chosen files out of a .tar.gz that somebody else made, and nothing besides.

tarfile's own `data` filter came with Python 3.12 (and late patches of 3.10 and 3.11), so what it
refuses is refused here: https://docs.python.org/3/library/tarfile.html#tarfile.data_filter
"""

from __future__ import annotations

import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from waf_builder.errors import WafBuilderError

MAX_BYTES = 1024**3
"""What one archive may unpack to; a small file can hold any number of zeros."""
_MAX_LINKS = 16

Placing = Callable[[PurePosixPath], "PurePosixPath | None"]
"""Says where a file of the archive goes, relative to the folder; None leaves it out."""


class ArchiveError(WafBuilderError):
    """An archive that is damaged, or that reaches outside of itself."""


def unpack(archive: Path, folder: Path, place: Placing, *, max_bytes: int = MAX_BYTES) -> None:
    """Write the files of a .tar.gz that `place` wants to where it says, below folder.

    Links become copies of what they lead to, so no link is ever made; one that leads to nothing
    that is wanted is left out. Owners and times are not kept. ArchiveError when a name or a
    wanted link leads out of the archive, when a wanted file is no file, or when it is damaged.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            _Unpacking(archive, folder, place, max_bytes).run(tar)
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise ArchiveError(f"{archive.name} is damaged: {error}") from error
    except OSError as error:
        if error.filename is None and error.errno is None:  # how gzip reports what is no gzip
            raise ArchiveError(f"{archive.name} is damaged: {error}") from error
        raise


class _Unpacking:
    def __init__(self, archive: Path, folder: Path, place: Placing, max_bytes: int) -> None:
        self.archive = archive
        self.folder = folder
        self.place = place
        self.left = max_bytes
        self.files: dict[PurePosixPath, Path] = {}
        self.links: dict[PurePosixPath, tuple[PurePosixPath, Path]] = {}

    def run(self, tar: tarfile.TarFile) -> None:
        for member in tar:
            name = self.inside(member.name, member.name)
            wanted = None if member.isdir() else self.place(name)
            if wanted is None:
                continue
            target = self.folder / wanted
            if member.islnk() or member.issym():
                base = "" if member.islnk() else posixpath.dirname(str(name))
                self.links[name] = (self.inside(member.linkname, member.name, base), target)
            elif member.isreg() and (stream := tar.extractfile(member)) is not None:
                self.write(stream, member, target)
                self.files[name] = target
            else:
                raise self.refused(f"{member.name} is neither a file nor a link")
        for name, (_leads_to, target) in self.links.items():
            if (source := self.followed(name)) is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def write(self, stream: IO[bytes], member: tarfile.TarInfo, target: Path) -> None:
        self.left -= member.size
        if self.left < 0:
            raise self.refused("it unpacks to more than any archive of this kind")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(stream, file)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)

    def inside(self, path: str, member: str, base: str = "") -> PurePosixPath:
        """Return path, relative to base, as a name in the archive."""
        joined = posixpath.normpath(posixpath.join(base, path))
        if path.startswith("/") or "\0" in path or joined.split("/")[0] == "..":
            raise self.refused(f"{member!r} leads out of it, to {path!r}")
        return PurePosixPath(joined)

    def followed(self, name: PurePosixPath) -> Path | None:
        """Return the unpacked file that a link leads to, through others; None if there is none."""
        for _ in range(_MAX_LINKS):
            if name not in self.links:
                return self.files.get(name)
            name = self.links[name][0]
        raise self.refused(f"{name} leads to itself")

    def refused(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self.archive.name} is refused, nothing of it is used: {why}")
