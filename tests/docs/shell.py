"""What a page shows of a terminal, typed again: same commands, same output."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .fences import ROOT, Fence

ANYTHING = "[...]"
"""In the expected output: any text in a line; on a line of its own, any lines, or none."""

_CHANGING = (
    # What only the older of the engines says before anything else.
    (re.compile(r"^warning: .* \[engine\.pcre-limit\]\n(?:    \S.*\n){2}", re.MULTILINE), ""),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "<date>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "<time>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"\b\d+ ms\b"), "<n> ms"),
    (re.compile(r"\d+#\d+:"), "<pid>:"),
    (re.compile(r"\b(nginx|libmodsecurity3?|CRS|Core Rule Set|version|v)([ /v]*)\d+\.\d+\.\d+"),
     r"\1\2<version>"),
    (re.compile(r"\b\d+ workers?\b"), "<n> workers"),
)  # fmt: skip
_PORT = re.compile(r"(localhost:|127\.0\.0\.1:|--port )8080\b")
_SENTINEL = "=-=-= next "
_SECONDS = 60.0


def normal(text: str) -> str:
    """Return text without what differs from one run to the next, or between engines."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text


def matches(expected: str, got: str) -> bool:
    """Say whether output is what a page shows of it."""
    return bool(re.fullmatch(_pattern(expected), normal(got)))


def _pattern(expected: str) -> str:
    lines = []
    for line in normal(expected).splitlines(keepends=True):
        if line.strip() == ANYTHING:
            lines.append("(?:.*\n)*?")
        else:
            lines.append(".*".join(re.escape(part) for part in line.split(ANYTHING)))
    return "".join(lines)


@dataclass(frozen=True)
class Typed:
    """One command of a block and the output that the page shows."""

    command: str
    output: str


def commands(fence: Fence) -> list[Typed]:
    r"""Return the commands of a `console` block: lines after `$ `, with `> ` or `\` going on."""
    found: list[Typed] = []
    for line in fence.text.splitlines(keepends=True):
        going_on = found and found[-1].command.endswith("\\") and not found[-1].output
        if line.startswith("$ "):
            found.append(Typed(line[2:].rstrip("\n"), ""))
        elif going_on:
            found[-1] = Typed(f"{found[-1].command}\n{line.rstrip()}", "")
        elif found:
            found[-1] = Typed(found[-1].command, found[-1].output + line)
        else:
            raise AssertionError(f"{fence}: a console block starts with a command")
    return found


class Terminal:
    """A folder in which the commands of one page are typed, from its first to its last."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self.folder, self.port = folder, port
        self.environment = environment
        self._background: _Background | None = None

    def play(self, fence: Fence) -> None:
        """Do what a block asks for; AssertionError when something else comes out."""
        if "file" in fence.markers:
            target = self.folder / fence.markers["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(fence.text, encoding="utf-8")
        elif fence.language == "console" and "background" in fence.markers:
            (typed,) = commands(fence)
            self.close()
            self._background = _Background(self._real(typed.command), self)
            self._background.shows(self._real(typed.output), fence)
        elif fence.language == "text" and "background" in fence.markers:
            assert self._background, f"{fence}: nothing runs in the background"
            self._background.shows(self._real(fence.text), fence)
        elif fence.language == "console" and "not-run" not in fence.markers:
            self._type(fence)

    def _type(self, fence: Fence) -> None:
        typed = commands(fence)
        script = "".join(
            f"{self._real(one.command)}\n{{ printf '{_SENTINEL}%s\\n' $?; }} 2>/dev/null\n"
            for one in typed
        )
        run = subprocess.run(
            ["bash", "-c", f"exec 2>&1\n{script}"],  # noqa: S607
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        parts = re.split(rf"{_SENTINEL}(\d+)\n", run.stdout)
        outputs, statuses = parts[0::2], [int(one) for one in parts[1::2]]
        for one, output, status in zip(typed, outputs, statuses, strict=False):
            shown = self._real(one.output)
            assert matches(shown, output), (
                f"{fence}: $ {one.command}\n--- the page shows\n{normal(shown)}"
                f"--- it printed\n{normal(output)}"
            )
            wanted = int(fence.markers.get("status", 0)) if one is typed[-1] else 0
            assert status == wanted, f"{fence}: $ {one.command}: status {status}, not {wanted}"
        assert len(statuses) == len(typed), f"{fence}: {run.stdout}"

    def _real(self, text: str) -> str:
        """Return text with a free port where the page has 8080, and make's recipe for make."""
        if text.startswith("make run"):
            text = text.replace("make run", recipe("run"), 1)
        return _PORT.sub(rf"\g<1>{self.port}", text)

    def close(self) -> None:
        """End what still runs, as Ctrl-C would."""
        if self._background:
            self._background.end()
            self._background = None


def recipe(target: str) -> str:
    """Return what `make TARGET` types once everything is set up."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n\t@(.*)\n", text, re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    return found[1].replace("$(BIN)/", "").replace("$(PORT)", "8080")


class _Background:
    """A command that runs while others are typed; its output is read as it comes."""

    def __init__(self, command: str, terminal: Terminal) -> None:
        self._process = subprocess.Popen(
            shlex.split(command),
            cwd=terminal.folder,
            env=terminal.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._said = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def shows(self, expected: str, fence: Fence) -> None:
        """Wait until it has said what the page shows next."""
        pattern = re.compile(r"(?:.*\n)*?" + _pattern(expected))
        deadline = time.monotonic() + _SECONDS
        with self._changed:
            while not (found := pattern.match(normal(self._said))):
                left = deadline - time.monotonic()
                running = self._process.poll() is None
                assert left > 0, f"{fence}: it said\n{normal(self._said)}"
                assert running, f"{fence}: it ended and said\n{normal(self._said)}"
                self._changed.wait(min(left, 0.5))
            # What comes next in the page comes next here.
            self._said = normal(self._said)[found.end() :]

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            status = self._process.wait(timeout=40)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._reader.join(timeout=5)
        assert status == 0, f"Ctrl-C ended it with status {status}: {self._said}"

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as stream:
            for line in stream:
                with self._changed:
                    self._said += line
                    self._changed.notify_all()


@contextlib.contextmanager
def terminal(page: Path, folder: Path, engine: str, port: int) -> Iterator[Terminal]:
    """Yield a terminal in the folder in which a page's reader is: a copy, to write in."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    where = page.parent.relative_to(ROOT)
    at = folder / where if where.parts[:1] == ("examples",) else folder
    opened = Terminal(at, _environment(folder, engine), port)
    try:
        yield opened
    finally:
        opened.close()


def _environment(folder: Path, engine: str) -> dict[str, str]:
    programs = folder / ".programs"
    programs.mkdir()
    # On a terminal curl shows no progress either.
    (folder / ".curlrc").write_text("silent\nshow-error\n", encoding="utf-8")
    _program(
        programs / "waf-builder",
        ["from waf_builder.cli import main", 'main(prog_name="waf-builder")'],
    )
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "WAF_BUILDER_ENGINE": engine,
        "WAF_BUILDER_CACHE": os.environ.get("WAF_BUILDER_CACHE", str(folder / ".cache")),
    }


def _program(file: Path, lines: Sequence[str]) -> None:
    file.write_text("\n".join([f"#!{sys.executable}", *lines]) + "\n", encoding="utf-8")
    file.chmod(0o755)
