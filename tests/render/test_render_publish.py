"""All or nothing: whatever goes wrong, the old tree stays, and nothing is left behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from specs import OLD, SMALLEST, config_of

from waf_builder import __version__, pipeline
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.pipeline import Choice, publish_checked, render_spec
from waf_builder.render import publish as room
from waf_builder.render.publish import (
    STAMP,
    difference,
    publish,
    read_tree,
    require_replaceable,
    staged,
    stamp,
    write_tree,
)
from waf_builder.render.render import render

NEW = {STAMP: "{}", "nginx.conf": "new\n", "errors/403.json": "{}\n"}
OLD_TREE = {STAMP: "{}", "nginx.conf": "old\n", "gone.conf": "old\n"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A published tree, alone in its folder."""
    target = tmp_path / "place" / "waf"
    write_tree(OLD_TREE, target)
    return target


@pytest.fixture
def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that cannot exchange two names."""
    monkeypatch.setattr(room, "_exchanged", lambda _one, _other: False)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def swap(target: Path) -> None:
    with staged(NEW, target) as folder:
        publish(folder, target)


def test_a_new_tree(tmp_path: Path):
    target = tmp_path / "build" / "deep" / "waf"

    swap(target)

    assert read_tree(target) == NEW
    assert files(target.parent) == ["waf", *sorted(f"waf/{name}" for name in [*NEW, "errors"])]


@pytest.mark.parametrize("how", ["exchange", "renames"])
def test_a_tree_is_replaced_as_a_whole(target: Path, how: str, request: pytest.FixtureRequest):
    if how == "renames":
        request.getfixturevalue("without_exchange")
    (target / "runtime").mkdir()

    swap(target)

    assert read_tree(target) == NEW
    assert files(target.parent) == ["waf", *sorted(f"waf/{name}" for name in [*NEW, "errors"])]


def test_an_exchange_has_no_moment_without_a_tree(tmp_path: Path):
    """Without it, a crash at the wrong moment would leave nothing: see that it is used here."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (other / "inner").mkdir(parents=True)

    assert room._exchanged(one, other)
    assert (one / "inner").is_dir()
    assert not room._exchanged(one, tmp_path / "nothing")


def test_an_empty_folder_is_replaced(tmp_path: Path):
    (tmp_path / "waf").mkdir()

    swap(tmp_path / "waf")

    assert read_tree(tmp_path / "waf") == NEW


@pytest.mark.parametrize("name", [".", "../waf", "./", "../../place/waf"])
def test_a_tree_that_is_named_from_inside(target: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(target)

    swap(Path(name))

    assert read_tree(target) == NEW
    assert files(target.parent)[0] == "waf"


@pytest.mark.parametrize("how", ["exchange", "renames"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "Input/output error")])
def test_a_crash_in_the_middle_of_a_swap(
    target: Path,
    how: str,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
):
    before = read_tree(target)
    if how == "renames":
        request.getfixturevalue("without_exchange")
    real = os.rename

    def crash(source: Path, place: Path) -> None:
        if place == target and source.name == "waf":
            raise error
        real(source, place)

    monkeypatch.setattr(Path, "rename", crash)
    if how == "exchange":
        monkeypatch.setattr(room, "_exchanged", _raising(error))

    with pytest.raises((KeyboardInterrupt, WafBuilderError)) as caught:
        swap(target)

    assert read_tree(target) == before
    assert files(target.parent) == ["waf", *(f"waf/{name}" for name in sorted(OLD_TREE))]
    if caught.type is WafBuilderError:
        assert str(caught.value) == f"{target} cannot be replaced: Input/output error"


def _raising(error: BaseException):
    def crash(_one: Path, _other: Path) -> bool:
        raise error

    return crash


def test_a_full_disk(target: Path, monkeypatch: pytest.MonkeyPatch):
    real = Path.write_text

    def write_text(self: Path, *args: object, **keys: object) -> int:
        if self.name == "403.json":
            real(self, "half of i")
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *args, **keys)

    monkeypatch.setattr(Path, "write_text", write_text)

    with pytest.raises(WafBuilderError) as caught:
        swap(target)

    assert str(caught.value) == f"{target} cannot be written: No space left on device"
    assert read_tree(target) == OLD_TREE
    assert files(target.parent) == ["waf", *(f"waf/{name}" for name in sorted(OLD_TREE))]


def test_a_failed_check(target: Path, tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SMALLEST, encoding="utf-8")
    templates = tmp_path / "waf" / "templates"
    templates.mkdir(parents=True)
    (templates / "location.conf.j2").write_text("        proxy_pas http://x;\n", encoding="utf-8")
    rendered = render_spec(spec, Choice(engine="none"), environ={})

    with pytest.raises(ProblemsError, match="proxy_pas"):
        publish_checked(rendered, target)

    assert read_tree(target) == OLD_TREE
    assert files(target.parent) == ["waf", *(f"waf/{name}" for name in sorted(OLD_TREE))]


def test_a_killed_process_leaves_the_old_tree(target: Path):
    """kill -9 between staging and swap: nothing can be tidied up, but nothing is lost."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from waf_builder.render.publish import staged\n"
        "with staged({'nginx.conf': 'new'}, Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(target)], timeout=30, check=False)

    assert run.returncode == -9
    assert read_tree(target) == OLD_TREE


@pytest.mark.parametrize("how", ["file", "folder", "link", "dangling link"])
def test_what_was_not_made_by_waf_builder_is_left_alone(tmp_path: Path, how: str):
    target, mine = tmp_path / "waf", tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    if how == "file":
        target.write_text("mine", encoding="utf-8")
    elif how == "folder":
        mine.rename(target)
    else:
        target.symlink_to(mine if how == "link" else tmp_path / "nothing")
    before = files(tmp_path)

    with pytest.raises(WafBuilderError) as caught:
        swap(target)

    assert str(caught.value) == (
        f"{target} was not made by waf-builder (it has no waf-builder.json), so it is left alone\n"
        "    Give -o another folder, or remove this one yourself."
        if how == "folder"
        else f"{target} is not a folder\n    Give -o a folder, or a new name."
    )
    assert files(tmp_path) == before


def test_a_link_to_a_tree_is_not_followed(target: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(target)

    with pytest.raises(WafBuilderError, match="is not a folder"):
        require_replaceable(link)


@pytest.mark.parametrize(
    ("below", "reason"), [("file/waf", "File exists"), ("file/a/waf", "Not a directory")]
)
def test_a_place_that_cannot_be(tmp_path: Path, below: str, reason: str):
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(WafBuilderError) as caught:
        swap(tmp_path / below)

    assert str(caught.value) == f"{tmp_path / below} cannot be written: {reason}"


def test_staged_without_a_target_is_gone_afterwards():
    with staged(NEW) as folder:
        assert read_tree(folder) == NEW
    assert not folder.parent.exists()


def test_a_tree_can_be_read_by_others(target: Path):
    """nginx's workers are another user where it was started by root."""
    previous = os.umask(0o022)
    try:
        swap(target)
    finally:
        os.umask(previous)

    assert target.stat().st_mode & 0o777 == 0o755
    assert (target / "nginx.conf").stat().st_mode & 0o777 == 0o644


def test_the_stamp():
    config = config_of(SMALLEST, OLD)
    tree = render(config)

    read = json.loads(stamp(config, tree))

    assert read.pop("files").keys() == tree.keys()
    assert read == {
        "made_by": "waf-builder",
        "version": __version__,
        "summary": f"waf-builder {__version__}, nginx 1.22.1, libmodsecurity 3.0.9, CRS 3.3.4,"
        " mode block, 1 route",
        "nginx": "1.22.1",
        "modsecurity": "3.0.9",
        "connector": "1.0.3",
        "crs": "3.3.4",
        "max_body": 10485760,
    }


def test_a_stamp_has_the_digest_of_every_file_of_the_published_tree(tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SMALLEST, encoding="utf-8")
    rendered = render_spec(spec, Choice(engine="none"), environ={})

    publish_checked(rendered, tmp_path / "out")

    published = read_tree(tmp_path / "out")
    assert published == rendered.tree
    digests = json.loads(published.pop(STAMP))["files"]
    import hashlib

    assert digests == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in published.items()
    }


def test_what_is_not_rendered_is_not_read(target: Path):
    (target / "engine").mkdir()
    (target / "engine" / "crs").symlink_to("/usr/share")
    write_tree({"runtime/listen.conf": "x"}, target)

    assert read_tree(target) == OLD_TREE
    assert read_tree(target.parent / "nothing") == {}


def test_a_folder_that_is_no_tree_is_not_read(tmp_path: Path):
    write_tree({"a": "b"}, tmp_path)

    with pytest.raises(WafBuilderError) as caught:
        read_tree(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} was not made by waf-builder (it has no waf-builder.json)\n"
        "    Give --diff a folder that `waf-builder render SPEC -o DIR` made."
    )


def test_no_difference():
    assert difference(NEW, {**NEW, STAMP: "another"}) == ""


def test_a_difference():
    old = {"a": "1\n2\n", "b": "no newline", "gone": "x\n", "same": "s"}
    new = {"a": "1\n3\n", "b": "none either", "new": "y\n", "same": "s"}

    assert difference(old, new) == (
        "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"
        "--- a/b\n+++ b/b\n@@ -1 +1 @@\n-no newline\n\\ No newline at end of file\n"
        "+none either\n\\ No newline at end of file\n"
        "--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+y\n"
    )


def test_a_difference_can_be_applied(tmp_path: Path):
    old = render(config_of(SMALLEST))
    new = render(config_of(SMALLEST.replace("3000", "4000") + "waf: {mode: detect}\n"))
    write_tree(old, tmp_path)

    run = subprocess.run(
        ["git", "apply", "-"],  # noqa: S607
        input=difference(old, new),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "nginx.conf").read_text(encoding="utf-8") == new["nginx.conf"]


def test_a_published_tree_passes_its_own_check(tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SMALLEST, encoding="utf-8")
    rendered = render_spec(spec, Choice(engine="none"), environ={})

    assert publish_checked(rendered, tmp_path / "out") == []
    assert pipeline.prove(rendered) == []
