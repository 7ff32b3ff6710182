"""All checks over a rendered tree: what `waf-builder check DIR` and `render` call."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from waf_builder.check import security, syntax
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place, Problem, errors_in
from waf_builder.render.publish import NOT_RENDERED, RULES_FOLDER, STAMP
from waf_builder.seclang import read_text, rule_ids

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

BOOT_SAMPLES: Final = {
    "ADDRESS": "127.0.0.1",
    "PORT": "8080",
    "RESOLVERS": "127.0.0.1",
    "WORKERS": "1",
    "BRAKE": "",
    "APP": "my-waf",
    "CONTAINER": "web-1",
    "CONTAINER_VERSION": "1",
}
"""What a check uses for the values that start-waf finds out; boot/fields names further ones.

The emergency brake is on, so that its lines are checked too.
"""

_RULES = "modsecurity"
_USER_RULES = ("modsecurity/before-crs/", "modsecurity/after-crs/", "modsecurity/plugins/")
_TOKEN = re.compile(r"@([A-Z0-9_]+)@")
_INCLUDE = re.compile(r'^\s*Include\s+"?([^"\s]+)"?\s*$', re.MULTILINE)
_FINDS_ONE_MISTAKE: Final = {"engine.config", "engine.seclang"}
_TABLE_MAY_BE_OLD: Final = {"nginx.unknown-directive", "nginx.arguments", "nginx.context"}


def check_tree(tree: Path, *, engine: Engine | None, lint: bool = True) -> list[Problem]:
    """Return every problem of a rendered tree; the tree itself is only read.

    In this order: nginx's syntax, known holes, the rules (unless lint is False), and the
    engine's own `nginx -t` (unless engine is None). What boot fills in gets sample values.
    Places are relative to tree.
    """
    if other := not_a_tree(tree):
        return [other]
    try:
        with booted(tree) as staging:
            return [_at_template(found) for found in _check(staging, engine, lint=lint)]
    except ProblemsError as error:
        return list(error.problems)


@contextmanager
def booted(tree: Path) -> Iterator[Path]:
    """Yield tree as start-waf would leave it, in a folder of its own that is gone afterwards.

    runtime/ is filled in from boot/; engine/ is left out; everything else is a link to tree.
    ProblemsError when the boot files do not fit together.
    """
    # Two levels, since SecLang's `Include ../x` is first looked up from the working folder.
    with tempfile.TemporaryDirectory(prefix="waf-builder-check-") as holder:
        staging = Path(holder) / "tree"
        staging.mkdir()
        source = tree.resolve()
        for entry in source.iterdir():
            if entry.name == _RULES:
                # A real folder: `..` must lead from it to the staging's engine, not the tree's.
                _link_entries(entry, staging / _RULES)
            elif entry.name not in NOT_RENDERED:
                (staging / entry.name).symlink_to(entry)
        _fill_runtime(source / "boot", staging / "runtime")
        yield staging


def _check(staging: Path, engine: Engine | None, *, lint: bool) -> list[Problem]:
    mistakes = syntax.check(staging)
    rules = _lint(staging, engine) if lint else []
    said: list[Problem] = []
    if engine is not None:
        said = _run_nginx(staging, engine)
        if not errors_in(said):
            # nginx itself has the last word on what it knows.
            mistakes = [found for found in mistakes if found.code not in _TABLE_MAY_BE_OLD]
        said = [found for found in said if not _is_known(found, [*mistakes, *rules])]
    holes = [] if errors_in(mistakes) else security.check(staging)
    return [*mistakes, *holes, *rules, *said]


def _run_nginx(staging: Path, engine: Engine) -> list[Problem]:
    from waf_builder.check import nginx
    from waf_builder.engine.link import link

    link(engine, staging)
    return nginx.check(staging, engine)


def _is_known(said: Problem, before: list[Problem]) -> bool:
    """Say whether nginx stopped at a mistake that was found already, or at its consequence.

    nginx reads from top to bottom and stops at the first error; what it names may be a line or
    more further down, where a missing ';' makes itself felt.
    """
    errors = [found.place for found in errors_in(before) if found.place]
    if said.code == "engine.duplicate-id":
        return any(found.code == "seclang.duplicate-id" for found in before)
    if said.code == "engine.stray-seclang":
        return any(place.file.startswith(f"{_RULES}/") for place in errors)
    if said.place is None or said.code not in _FINDS_ONE_MISTAKE:
        return False
    return any(place.file == said.place.file and place.line <= said.place.line for place in errors)


def _lint(staging: Path, engine: Engine | None) -> list[Problem]:
    from waf_builder.check.seclang import lint

    texts = rule_texts(staging)
    if engine is None:
        return lint(texts)
    # Only the user's own rules can clash with the rule set's, and reading its ids takes 50 ms.
    own = any(name.startswith(_USER_RULES) for name in texts)
    ids = _rule_ids(engine.crs.rules) if own and engine.crs else None
    return lint(texts, ids, modsecurity=engine.modsecurity_version)


def rule_texts(tree: Path) -> dict[str, str]:
    """Return the tree's own rules, path -> text, in the order in which they are loaded.

    First what modsecurity/main.conf includes, without the Core Rule Set, then the routes' files.
    """
    folder = tree / _RULES
    texts: dict[str, str] = {}

    def load(file: Path) -> None:
        name = file.relative_to(tree).as_posix()
        if name in texts:
            return
        texts[name] = read_text(file)
        for included in _INCLUDE.findall(texts[name]):
            if not included.startswith((".", "/")):
                for found in sorted(folder.glob(included)):
                    load(found)

    if (folder / "main.conf").is_file():
        load(folder / "main.conf")
    for file in sorted(folder.glob("*/*.conf")):
        if file.parent != tree / RULES_FOLDER:
            load(file)
    return texts


def _rule_ids(folder: Path) -> Collection[int]:
    return rule_ids({file.name: read_text(file) for file in folder.glob("*.conf")})


def _link_entries(source: Path, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        (target / entry.name).symlink_to(entry)


def _fill_runtime(boot: Path, runtime: Path) -> None:
    (runtime / "temp").mkdir(parents=True)
    values = {**BOOT_SAMPLES, **_field_samples(boot / "fields")}
    problems: list[Problem] = []
    for file in sorted(boot.glob("*.conf")):
        text = file.read_text(encoding="utf-8", errors="replace")
        problems += _unknown_tokens(f"boot/{file.name}", text, values)
        filled = _TOKEN.sub(lambda token: values.get(token[1], token[0]), text)
        (runtime / file.name).write_text(filled, encoding="utf-8")
    if problems:
        raise ProblemsError(problems)


def _field_samples(file: Path) -> dict[str, str]:
    """Return the sample value of each token in boot/fields."""
    if not file.is_file():
        return {}
    samples: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        words = dict(word.partition("=")[::2] for word in line.split())
        if not words:
            continue
        if not words.get("token") or not words.get("sample"):
            raise ProblemsError(
                [
                    Problem(
                        "check.boot-fields",
                        f"got {line!r}, expected token=... and sample=... among its words",
                        Place("boot/fields", number),
                    )
                ]
            )
        samples[words["token"]] = words["sample"]
    return samples


def _unknown_tokens(name: str, text: str, values: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(
            "check.unknown-token",
            f"nothing says what {found[0]} stands for",
            Place(name, number),
            hint=f"At boot there are {', '.join(f'@{known}@' for known in values)}.",
        )
        for number, line in enumerate(text.splitlines(), 1)
        for found in _TOKEN.finditer(line)
        if found[1] not in values
    ]


def _at_template(problem: Problem) -> Problem:
    """Return the problem with a place in boot/, where the user finds what is in runtime/."""
    if problem.place is None or not problem.place.file.startswith("runtime/"):
        return problem
    file = problem.place.file.replace("runtime/", "boot/", 1)
    return replace(problem, place=replace(problem.place, file=file))


def not_a_tree(tree: Path) -> Problem | None:
    """Return why a folder cannot be checked, or None for a rendered tree."""
    if (tree / STAMP).is_file():
        return None
    if tree.is_dir():
        what = f"it has no {STAMP}"
    else:
        what = "it is no folder" if tree.exists() else "there is no such folder"
    return Problem(
        "check.not-a-tree",
        f"{tree} is not a rendered tree: {what}",
        hint="Give the folder that `waf-builder render SPEC -o DIR` made.",
    )
