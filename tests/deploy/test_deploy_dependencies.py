"""The libraries of the build, wanted by two at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from waf_builder.deploy import dependencies as room
from waf_builder.deploy.log import Log
from waf_builder.deploy.model import Deploy
from waf_builder.deploy.pip import Pip


def test_two_at_once_install_them_once(tmp_path, monkeypatch):
    """The second neither removes what the first has staged, nor does it again."""
    at_work, waiting, installed = threading.Event(), threading.Event(), []
    lines: list[str] = []

    class Installing(Pip):
        def install(self, _requirements, target, _meanwhile):
            installed.append(target)
            at_work.set()
            assert waiting.wait(20)
            assert target.parent.is_dir()
            target.mkdir()
            (target / "library.py").touch()

    def say(line: str) -> None:
        lines.append(line)
        if "waiting for another" in line.lower():
            waiting.set()

    monkeypatch.setattr(room, "pip_wheel", lambda *_: tmp_path)
    monkeypatch.setattr(Pip, "from_index", lambda *_: Installing(tmp_path, ()))
    (tmp_path / "requirements.txt").write_text("library==1\n")
    deploy = Deploy(tmp_path, tmp_path / "cache", {})
    with ThreadPoolExecutor() as pool:
        first = pool.submit(room.dependencies, deploy, tmp_path, Log(say))
        assert at_work.wait(20)
        second = pool.submit(room.dependencies, deploy, tmp_path, Log(say))
        assert first.result() == second.result()
    assert len(installed) == 1
    assert [path.name for path in first.result().iterdir() if path.suffix == ".py"] == [
        "library.py"
    ]
    assert "       Waiting for another waf-builder that is getting the libraries" in lines
