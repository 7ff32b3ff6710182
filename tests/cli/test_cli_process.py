"""What only a process of its own can show: `-m`, a terminal, a closed pipe, what is imported."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from specs import APP_ID, SMALLEST

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

COMMAND = [sys.executable, "-m", "waf_builder"]


@pytest.fixture
def environment() -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return {**plain, "WAF_BUILDER_ENGINE": "none", "PYTHONPATH": str(Path(__file__).parents[2])}


def run(
    *arguments: str, cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_as_a_module(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "backend.yaml").write_text(SMALLEST, encoding="utf-8")

    good = run("validate", "backend.yaml", cwd=tmp_path, environment=environment)
    bad = run("validate", "nothing.yaml", cwd=tmp_path, environment=environment)
    wrong = run("validate", cwd=tmp_path, environment=environment)

    assert (good.returncode, good.stdout, good.stderr) == (0, "backend.yaml is valid\n", "")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert wrong.returncode == 2


@pytest.mark.parametrize(
    "command", ["validate backend.yaml", "presets", "validate none.yaml --format json", "--help"]
)
def test_output_that_cannot_be_written(tmp_path: Path, environment: dict[str, str], command: str):
    (tmp_path / "backend.yaml").write_text(SMALLEST, encoding="utf-8")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *command.split()],
            cwd=tmp_path,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.nginx
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_render_that_is_ended_leaves_nothing_behind(
    tmp_path: Path, environment: dict[str, str], engine_old: Engine, end: signal.Signals
):
    """Ended while nginx tests the staged folder."""
    root = shutil.copytree(engine_old.root.resolve(), tmp_path / "engine")
    real = root / "usr/sbin/real"
    (root / "usr/sbin/nginx").rename(real)
    os.mkfifo(tmp_path / "testing")
    # Of a probe, the configuration is elsewhere.
    (root / "usr/sbin/nginx").write_text(
        '#!/bin/sh\ncase "$* " in *" -c nginx.conf "*)'
        f' echo >"{tmp_path}/testing"; exec sleep 60 ;;'
        f' esac\nexec "{real}" "$@"\n'
    )
    (root / "usr/sbin/nginx").chmod(0o755)
    app = tmp_path / "app"
    app.mkdir()
    (app / "backend.yaml").write_text(SMALLEST, encoding="utf-8")
    command = [*COMMAND, "render", "backend.yaml", "-o", "build", "--engine", str(root)]
    with subprocess.Popen(command, cwd=app, env=environment, stderr=subprocess.PIPE) as process:
        assert (tmp_path / "testing").read_text() == "\n"
        assert {path.name for path in app.iterdir()} > {"backend.yaml"}, "nothing was staged"
        process.send_signal(end)
        status = process.wait(timeout=20)
    assert status == (1 if end == signal.SIGINT else 128 + end)
    assert [path.name for path in app.iterdir()] == ["backend.yaml"]


def test_another_locale_changes_nothing(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "backend.yaml").write_text(
        f"# café\n{SMALLEST}routes: [{{path: /café}}]\n", encoding="utf-8"
    )
    plain = {**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run("render", "backend.yaml", "-o", "a", cwd=tmp_path, environment=environment)
    other = run("render", "backend.yaml", "-o", "b", cwd=tmp_path, environment=plain)

    assert (other.returncode, other.stderr.count("\n")) == (0, 1)
    for file in (tmp_path / "a").rglob("*"):
        if file.is_file():
            assert (
                file.read_bytes()
                == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()
            )


def test_two_processes_render_the_same_bytes(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "backend.yaml").write_text(
        "backends: {c: {host: c, port: 1}, a: {host: a, port: 1}, b: {host: b, port: 1}}\n"
        "routes: [{path: /, hosts: [c.d, a.b], backend: a}, {path: /, backend: b},"
        " {path: /c, backend: c}]\n",
        encoding="utf-8",
    )
    outputs = {
        run(
            "render",
            "backend.yaml",
            cwd=tmp_path,
            environment={**environment, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(outputs) == 1
    assert "server_name c.d a.b;" in outputs.pop()  # as the spec has them


def test_a_reader_that_goes_away(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "backend.yaml").write_text(SMALLEST, encoding="utf-8")
    with subprocess.Popen(
        [*COMMAND, "render", "backend.yaml"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
        process.wait(timeout=60)

    assert "Traceback" not in stderr


def test_init_asks_on_a_terminal(tmp_path: Path, environment: dict[str, str]):
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, "init"],
            cwd=tmp_path,
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        os.write(controller, f"{APP_ID}\nmyappbackend\n3000\n".encode())
        status = process.wait(timeout=60)
        said = os.read(controller, 1 << 16).decode()
    finally:
        os.close(controller)

    assert status == 0
    assert "The backend's application id: " in said
    assert "The port it listens on: " in said
    assert "wrote backend.yaml" in said
    text = (tmp_path / "backend.yaml").read_text(encoding="utf-8")
    assert "  process: myappbackend" in text
    assert "  port: 3000" in text


def said_on_a_terminal(*arguments: str, cwd: Path, environment: dict[str, str]) -> str:
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=cwd, env=environment, stderr=terminal
        )
        os.close(terminal)
        assert process.wait(timeout=60) == 1
        return os.read(controller, 1 << 16).decode().replace("\r\n", "\n")
    finally:
        os.close(controller)


def test_problems_have_colours_on_a_terminal(tmp_path: Path, environment: dict[str, str]):
    said = said_on_a_terminal("validate", "nothing.yaml", cwd=tmp_path, environment=environment)

    assert said.startswith("\x1b[31m\x1b[1merror\x1b[0m: there is no nothing.yaml")


def test_problems_fit_on_a_terminal(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "backend.yaml").write_text(f"{SMALLEST}strange: 1\n", encoding="utf-8")
    narrow = {**environment, "COLUMNS": "60", "NO_COLOR": "1"}
    said = said_on_a_terminal("validate", "backend.yaml", cwd=tmp_path, environment=narrow)
    piped = run("validate", "backend.yaml", cwd=tmp_path, environment=narrow).stderr

    assert len(said.splitlines()) > len(piped.splitlines()) == 3
    plain = re.sub(r"\x1b\[[0-9]+m", "", said)
    assert all(len(line) <= 60 for line in plain.splitlines())
    assert " ".join(plain.split()) == " ".join(piped.split())


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], {"pydantic", "yaml", "jinja2", "crossplane", "gixy", "json"}),
        (["schema"], {"jinja2", "crossplane", "gixy", "waf_builder.engine", "waf_builder.check"}),
        (["validate", "backend.yaml"], {"jinja2", "crossplane", "gixy", "waf_builder.engine"}),
        (["domains", "backend.yaml"], {"jinja2", "crossplane", "gixy", "waf_builder.engine"}),
        (["templates", "list"], {"pydantic", "yaml", "crossplane", "gixy", "waf_builder.engine"}),
        (["render", "backend.yaml"], {"waf_builder.run", "http.server", "urllib.request"}),
    ],
)
def test_a_command_imports_only_what_it_needs(
    arguments: list[str], unneeded: set[str], tmp_path: Path, environment: dict[str, str]
):
    (tmp_path / "backend.yaml").write_text(SMALLEST, encoding="utf-8")
    code = (
        "import sys\nfrom waf_builder.cli import main\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0
    assert unneeded & set(result.stderr.split()) == set()
