"""Passwords of basic authentication: from the environment into a file of digests, or no boot."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
from pathlib import Path

import pytest
from support.tree import boot, with_stub, write_tree

SECRET = {"WAF_PASSWORD": "secret"}
LINE = "file=runtime/password-1 user=me name=WAF_PASSWORD where=basic_auth\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = with_stub(write_tree(tmp_path / "waf"))
    (tree / "boot/passwords").write_text(LINE)
    return tree


def written(tree: Path, number: int = 1) -> tuple[str, bytes, bytes]:
    """Return the name, the digest and the salt of a file."""
    text = (tree / f"runtime/password-{number}").read_text()
    user, _, digest = text.rstrip("\n").partition(":{SSHA}")
    assert text == f"{user}:{{SSHA}}{digest}\n"
    both = base64.b64decode(digest, validate=True)
    return user, both[:20], both[20:]


@pytest.mark.parametrize(
    "password",
    [
        "secret",
        "a:b:c",
        " spaces around ",
        "-n",
        "%s%d\\n\\0",
        "$HOME `id` $(id)",
        "'\"\\",
        "#é\u2028漢",
        "*",
        "x" * 5000,
    ],
)
def test_any_password_becomes_a_salted_digest(tree: Path, password: str):
    result = boot(tree, WAF_PASSWORD=password)
    assert (result.returncode, result.stderr) == (0, "")
    user, digest, salt = written(tree)
    assert user == "me"
    assert len(salt) == 16
    assert digest == hashlib.sha1(password.encode() + salt).digest()  # noqa: S324


def test_no_two_boots_have_the_same_salt(tree: Path):
    salts = set()
    for _ in range(3):
        boot(tree, **SECRET)
        salts.add(written(tree)[2])
    assert len(salts) == 3


def test_the_file_is_for_the_workers_alone(tree: Path):
    boot(tree, **SECRET)
    status = (tree / "runtime/password-1").stat()
    assert status.st_mode & 0o777 == 0o600
    owner = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    assert pwd.getpwuid(status.st_uid).pw_name == owner


def test_several_have_a_file_each(tree: Path):
    with (tree / "boot/passwords").open("a") as file:
        file.write("file=runtime/password-2 user=you name=OTHER where=routes[1].basic_auth")
    assert boot(tree, **SECRET, OTHER="other").returncode == 0
    assert [written(tree, number)[0] for number in (1, 2)] == ["me", "you"]


@pytest.mark.parametrize("password", [None, ""])
def test_a_missing_one_stops_the_boot(tree: Path, password: str | None):
    result = boot(tree, WAF_PASSWORD=password)
    assert result.returncode == 1
    expected = "WAF_PASSWORD is not set, expected the password of basic_auth"
    assert result.stderr == f"waf: error: {expected}\n"
    assert not (tree / "runtime").exists()


@pytest.mark.parametrize("password", ["secret\n", "a\nb:{PLAIN}c", "a\rb", "a\x7fb"])
def test_one_that_no_browser_can_send_stops_it_and_is_not_shown(tree: Path, password: str):
    result = boot(tree, WAF_PASSWORD=password)
    assert result.returncode == 1
    assert "WAF_PASSWORD holds a line break or another control character" in result.stderr
    assert "secret" not in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "file=runtime/x user=me name=A",
        "file=runtime/x user=me name=1A where=a",
        "file=runtime/x user=me name=A;id where=a",
        "file=runtime/$(id) user=me name=A where=a",
    ],
)
def test_a_damaged_list_stops_it(tree: Path, line: str):
    (tree / "boot/passwords").write_text(f"{line}\n")
    result = boot(tree, A="secret")
    assert result.returncode == 1
    assert result.stderr.startswith("waf: error: boot/passwords has ")
