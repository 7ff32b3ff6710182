"""What the engine's own nginx says of a tree: `nginx -t`, its messages as problems.

It is needed and not enough: it passes an operator's typo, a regex that does not compile and an
unterminated quote, and stops at the first error that it does find.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from waf_builder.check import segments
from waf_builder.check.syntax import MAIN_FILE
from waf_builder.problem import Place, Problem, Severity

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

TIME_LIMIT: Final = 60.0
"""Seconds. The Core Rule Set loads in 0.1 s; what takes a minute hangs."""

_RULE_FILES: Final = ("modsecurity/*.conf", "modsecurity/*/*.conf", "engine/crs/rules/*.conf")

_START = re.compile(
    r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d|nginx:) \[(\w+)\] (?:\d+#\d+: )?", re.MULTILINE
)
_VERDICT = re.compile(r"^nginx: (?:the )?configuration file .*$", re.MULTILINE)
_PLACE = re.compile(r" in (\S+):(\d+)$")
_RULES = re.compile(r'^"modsecurity_\w+" directive ')
_RULES_ERROR = re.compile(r"^Rules error\. File: (.*?)\. Line: (\d+)\. Column: \d+\. *(.*)$")
_RULE_WITHOUT_ID = re.compile(r"^Rules must have an ID\. File: (\S+) at line: (\d+)$")
_DUPLICATE_ID = re.compile(r"Rule id: (\d+) is duplicated")
_NAMED_DIRECTIVE = re.compile(r"\bSec[A-Z]\w+")
_UNKNOWN_VARIABLE = re.compile(r'^unknown "(\w+)" variable$')
_FIRST_SENTENCE = re.compile(r"\.?\s+(?=Looking at:)|\.\s+(?=[A-Z])")

_CODES_AND_HINTS: Final = (
    (
        re.compile(r"^host not found in resolver"),
        "engine.host-not-found",
        "A resolver is given as an address: its own name could not be looked up yet.",
    ),
    (
        re.compile(r"^host not found in"),
        "engine.host-not-found",
        (
            "nginx looks such a name up once, at start, and does not start when it is not there;"
            " the names of a private network need not exist where this is built.\n"
            "Have it looked up while nginx runs: a variable in proxy_pass and a `resolver`, or"
            " `resolve` in the upstream's server (nginx >= 1.27.3)."
        ),
    ),
    (
        re.compile(r'^invalid parameter "resolve"'),
        "engine.config",
        (
            "An upstream's server takes `resolve` since nginx 1.27.3; this engine has {version}."
            " Render for it with --nginx-version {version}."
        ),
    ),
    (
        re.compile(r"^dlopen\(\)|is not binary compatible$"),
        "engine.module",
        "The module must be built for this very nginx, and find its libraries.",
    ),
)


def check(tree: Path, engine: Engine, *, time_limit: float = TIME_LIMIT) -> list[Problem]:
    """Return what `nginx -t` has to say about tree, whose `engine/` is linked to engine.

    Places are where the mistake is, in nginx.conf or in a rules file; all paths are relative to
    tree. nginx that cannot be started, crashes or takes longer than time_limit (seconds) is a
    problem, too.
    """
    tree = tree.absolute()
    command = [str(tree / "engine" / "nginx"), "-t", "-p", f"{tree}/", "-c", MAIN_FILE]
    try:
        nginx = subprocess.Popen(
            [*command, "-e", "stderr"],
            # What modsecurity_rules_file and SecLang's paths are relative to, -p is not.
            cwd=tree,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        return [_not_started(f"{error.strerror or error}")]
    with nginx:
        try:
            stdout, stderr = nginx.communicate(timeout=time_limit)
        except subprocess.TimeoutExpired:
            return [_timeout(time_limit)]
        finally:
            nginx.kill()
    segments.remove(nginx.pid)
    status = nginx.returncode
    said = _Said(tree, engine)
    problems = [
        said.problem(level, message, status)
        for level, message in _messages(said.shorten(stderr))
        if level not in {"debug", "info", "notice"}
    ]
    if stdout.strip():
        problems.append(_stray(stdout))
    if status and not any(found.severity is Severity.ERROR for found in problems):
        problems.append(_died(status, said.shorten(stderr)))
    return list(dict.fromkeys(problems))


class _Said:
    """Reads the messages of one engine about one tree."""

    def __init__(self, tree: Path, engine: Engine) -> None:
        self.tree = tree
        self.engine = engine

    def shorten(self, text: str) -> str:
        """Return text without what only this machine has: where the tree and the engine lie."""
        for folder in (self.tree, self.tree.resolve()):
            text = text.replace(f"{folder}/", "")
        root = str(self.engine.root)
        return text if root == "/" else text.replace(root, "ENGINE")

    def problem(self, level: str, message: str, status: int) -> Problem:
        """Return one message as a problem; only what made nginx fail is an error."""
        message, place = _cut_place(message)
        if level == "warn" or status == 0:
            return Problem("engine.warning", message, place, severity=Severity.WARNING)
        if found := _DUPLICATE_ID.search(message):
            return self._duplicate(found[1], place)
        if _RULES.match(message):
            return self._rules(_RULES.sub("", message), place)
        if found := _UNKNOWN_VARIABLE.match(message):
            uses = _find(self.tree, rf"\$\{{?{found[1]}\b", (MAIN_FILE,))
            return Problem("engine.config", message, next(uses, place))
        for pattern, code, hint in _CODES_AND_HINTS:
            if pattern.search(message):
                hint = hint.format(version=self.engine.nginx_version)  # noqa: PLW2901
                return Problem(code, message, place, hint=hint)
        return Problem("engine.config", message, place)

    def _rules(self, message: str, place: Place) -> Problem:
        if found := _RULES_ERROR.match(message):
            place = self._rules_place(found[1], int(found[2]), found[3], place)
            message = found[3]
        elif found := _RULE_WITHOUT_ID.match(message):
            if (self.tree / found[1]).is_file():  # libmodsecurity 3.0.9 prints an address
                place = Place(found[1], int(found[2]))
            message = "a rule has no id"
        message, *rest = _FIRST_SENTENCE.split(message, maxsplit=1)
        return Problem("engine.seclang", message.rstrip(". "), place, hint="".join(rest).strip())

    def _rules_place(self, file: str, line: int, message: str, loaded_at: Place) -> Place:
        """Return where the mistake is.

        For a directive that libmodsecurity knows and refuses, its parser names the end of the
        rule before, be that in another file; the directive itself is further on.
        """
        reported = Place(file, line) if (self.tree / file).is_file() else None
        named = _NAMED_DIRECTIVE.search(message)
        if named is None:
            return reported or loaded_at
        name = named[0].removesuffix("s")  # "SecDefaultActions can only be placed once"
        uses = list(_find(self.tree, rf"^\s*{name}\b", _RULE_FILES[:2]))
        in_file = [use for use in uses if use.file == file and use.line >= line]
        others = [use for use in uses if use.file != file]
        candidates = in_file or (others if len(others) == 1 else [])
        return next(iter(candidates), reported or loaded_at)

    def _duplicate(self, rule_id: str, place: Place) -> Problem:
        # nginx names the end of the block in which it merged the rules, which tells nothing.
        uses = list(_find(self.tree, rf"\bid:'?{rule_id}\b", _RULE_FILES))
        own = [use for use in uses if not use.file.startswith("engine/")] or [place]
        others = [str(use) for use in uses if use != own[-1]]
        hint = "Ids below 90000 are free for your own rules."
        if others:
            hint = f"It is also in {', '.join(others[:3])}.\n{hint}"
        return Problem("engine.duplicate-id", f"rule id {rule_id} is used twice", own[-1], hint)


def _messages(stderr: str) -> Iterator[tuple[str, str]]:
    """Yield the level and the text of each message, on one line."""
    text = _VERDICT.sub("", stderr)
    _, *levels_and_texts = _START.split(text)
    for level, message in zip(levels_and_texts[::2], levels_and_texts[1::2], strict=True):
        yield level, " ".join(message.split())


def _cut_place(message: str) -> tuple[str, Place]:
    found = _PLACE.search(message)
    if found is None:
        return message, Place(MAIN_FILE)
    return message[: found.start()], Place(found[1], int(found[2]))


def _find(tree: Path, pattern: str, files: tuple[str, ...]) -> Iterator[Place]:
    """Yield the places outside of comments where pattern occurs in the files of tree."""
    expression = re.compile(pattern)
    for glob in files:
        for file in sorted(tree.glob(glob)):
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in enumerate(lines, 1):
                if not line.lstrip().startswith("#") and expression.search(line):
                    yield Place(file.relative_to(tree).as_posix(), number)


def _stray(stdout: str) -> Problem:
    skipped = " ".join(stdout.split())[:80]
    return Problem(
        "engine.stray-seclang",
        f"libmodsecurity skipped {skipped!r} in the rules and loaded the rest",
        Place("modsecurity/main.conf"),
        hint="It prints what it cannot read and goes on: often a misspelt directive, whose rule"
        " is then another one than was meant (SecRulez is read as SecRule).",
    )


def _timeout(seconds: float) -> Problem:
    return Problem(
        "engine.timeout",
        f"nginx -t was not done after {seconds:g} seconds",
        Place(MAIN_FILE),
        hint="It looks up the names in nginx.conf and reads all rules; one of these hangs.",
    )


def _not_started(reason: str) -> Problem:
    return Problem(
        "engine.not-started",
        f"nginx cannot be started: {reason}",
        Place("engine/nginx"),
        hint="The engine is gone, or programs may not run from that folder: checks stage a tree"
        " among the temporary files, and TMPDIR says where these are.",
    )


def _died(status: int, stderr: str) -> Problem:
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
    if status < 0:
        how = f"was ended by {signal.Signals(-status).name}"
    else:
        how = f"failed with exit status {status}"
    return Problem("engine.failed", f"nginx -t {how}", Place(MAIN_FILE), hint=last.strip())
