from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from waf_builder.engine.model import Start
from waf_builder.engine.smoke import smoke_test
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from waf_builder.engine.model import Engine

ANSWER = """
import socket
server = socket.socket(socket.AF_UNIX)
server.bind("waf")
server.listen()
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b"{answer}")
    client.close()
"""


def pretender(program: Callable[[str, str], Path], answer: str) -> Start:
    """Return an nginx that gives the same answer to every request."""
    script = ANSWER.format(answer=answer)
    return Start(program("nginx", f"exec {sys.executable} -c '{script}'"))


@pytest.mark.nginx
def test_the_real_engines_protect(engine: Engine) -> None:
    smoke_test(engine.start, engine.module)


@pytest.mark.nginx
def test_the_length_of_the_temporary_folder_does_not_matter(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    smoke_test(engine.start, engine.module)
    assert list(deep.iterdir()) == []


@pytest.mark.nginx
def test_a_module_that_cannot_be_loaded(engine: Engine, tmp_path: Path) -> None:
    module = tmp_path / "none.so"
    with pytest.raises(EngineError) as caught:
        smoke_test(engine.start, module)
    assert str(caught.value).startswith(
        f"{engine.nginx} starts but does not protect: a request that should get 200 got no answer\n"
        "    nginx says: "
    )
    assert f'dlopen() "{module}" failed' in str(caught.value)


def test_an_nginx_that_lets_everything_through(program: Callable[[str, str], Path]) -> None:
    start = pretender(program, r"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(EngineError) as caught:
        smoke_test(start, start.nginx)
    assert str(caught.value) == (
        f"{start.nginx} starts but does not protect: a request that should get 403 got 200\n"
        "    nginx says: nothing"
    )


def test_an_nginx_that_crashes_on_each_request(program: Callable[[str, str], Path]) -> None:
    start = pretender(program, "")
    with pytest.raises(EngineError, match="a request that should get 200 got no answer"):
        smoke_test(start, start.nginx)
