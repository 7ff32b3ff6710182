"""The jobs that docs/inspect.md shows for GitHub and GitLab: their commands do what is said."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner
from docs.fences import ROOT, fences

from waf_builder import cli

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")

PAGE = ROOT / "docs/inspect.md"
EXAMPLE = ROOT / "examples/minimal"


def jobs() -> list[Any]:
    """Return the blocks of the page that install something."""
    return [
        yaml.safe_load(fence.text) for fence in fences(PAGE, "yaml") if "pip install" in fence.text
    ]


def commands(job: object) -> Iterator[str]:
    """Yield the command lines of a job, which are the values of `run` or the items of `script`."""
    if isinstance(job, dict):
        for key, value in job.items():
            if key == "run":
                yield value
            elif key == "script":
                yield from value
            else:
                yield from commands(value)
    elif isinstance(job, list):
        for one in job:
            yield from commands(one)


def test_each_installs_what_it_runs():
    for job in jobs():
        install, run = commands(job)
        assert shlex.split(install) == [
            *("pip", "install", "waf-builder[inspect] @ git+REPOSITORY"),
        ]
        assert run.startswith("waf-builder test ")
    assert len(jobs()) == 2


@pytest.mark.nginx
def test_each_tests_an_app_and_leaves_a_report(
    engine_new: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none")
    assert engine_new.crs
    for number, job in enumerate(jobs()):
        app = tmp_path / str(number)
        shutil.copytree(EXAMPLE, app)
        monkeypatch.chdir(app)
        _, run = commands(job)
        # Not from the project's server: the rules that are here.
        words = shlex.split(run.replace("--crs 4 ", f"--crs {engine_new.crs.folder} "))
        done = CliRunner().invoke(cli.main, words[1:], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        (suite,) = ET.parse(app / words[words.index("--junit") + 1]).getroot()  # noqa: S314
        assert int(suite.attrib["tests"]) > 5
        assert suite.attrib["failures"] == "0"


def test_gitlab_shows_the_report_that_is_written():
    (job,) = (job["waf"] for job in jobs() if "waf" in job)
    assert f"--junit {job['artifacts']['reports']['junit']}" in job["script"][-1]
