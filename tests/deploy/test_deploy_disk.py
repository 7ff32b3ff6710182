"""A disk that is full or not ours is a paragraph, never a traceback."""

from __future__ import annotations

import errno
import os

import pytest

from waf_builder.deploy.disk import disk_explained
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.errors import EngineError


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DeployError) as caught, disk_explained():
        (tmp_path / "file/below").mkdir()
    assert str(caught.value) == (
        "A file of this deploy cannot be used: Not a directory.\n\n"
        f"  {tmp_path}/file/below\n\n"
        "Whoever runs a deploy has to be able to write the app's folder, the deployment cache and\n"
        "$TMPDIR. What was deployed last keeps running."
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "file"),
        OSError([("a", "b", "[Errno 28] No space left on device")]),
        EngineError("apt: You don't have enough free space in /cache"),
    ],
    ids=["a write", "a copied folder", "apt"],
)
def test_a_full_disk_however_it_is_said(error):
    with pytest.raises(DeployError, match=r"^The disk is full\."), disk_explained():
        raise error


@pytest.mark.parametrize("error", [EngineError("no"), OSError("no"), ZeroDivisionError()], ids=type)
def test_other_errors_stay_as_they_are(error):
    with pytest.raises(type(error)) as caught, disk_explained():
        raise error
    assert caught.value is error


def test_a_cache_of_somebody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(
        DeployError, match=r"^The cache folder cannot be written: Permission denied"
    ):
        Deploy.of(tmp_path, tmp_path / "cache", None)
