"""What people read, compared with the program: every example runs, every name exists.

What the words after ``` mean is in CONTRIBUTING.md, "Documents".
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.commands import all_commands, help_of
from docs.fences import ROOT, Fence, documents, fences
from docs.generated import pages, with_generated_parts
from docs.numbers import numbers
from docs.problems import codes, reports
from docs.shell import Terminal, commands, matches, normal, terminal
from docs.spec import SECTIONS, fields
from specs import SMALLEST, config_of
from support import deploys
from support.cases import for_each
from support.tree import free_port
from support.waf import access_line
from test_golden import codes_in_source

from waf_builder.check.seclang import lint
from waf_builder.doctor.memory import BASE_MIB, BODY_FACTOR, WORKER_MIB
from waf_builder.engine import store
from waf_builder.engine.archives import DEFAULT
from waf_builder.paths import start_waf
from waf_builder.problem import errors_in
from waf_builder.render.builtins import builtin_templates_with_blocks
from waf_builder.render.publish import stamp
from waf_builder.spec import model
from waf_builder.spec.load import loads
from waf_builder.spec.meanings import meanings

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

DOCUMENTS = documents()
README = ROOT / "README.md"
COMMANDS = ROOT / "docs/commands.md"
REFERENCE = ROOT / "docs/reference.md"
SPEC = ROOT / "docs/spec.md"
OVERRIDES = ROOT / "docs/overrides.md"
RATIONALE = ROOT / "RATIONALE.md"
DEPLOY = ROOT / "docs/deploy.md"
OF_THE_SOURCE = pytest.mark.xdist_group("docs-of-the-source")
"""The whole source is read for these, which is done once in one process."""


def of(*languages: str) -> list[Fence]:
    return [fence for file in DOCUMENTS for fence in fences(file, *languages)]


def text_of(*files: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def code_in(file: Path) -> list[str]:
    """Return what stands in backquotes, each on one line."""
    return [" ".join(code.split()) for code in re.findall("`([^`]+)`", text_of(file))]


class TestExamples:
    @pytest.mark.nginx
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("engine", "page"),
        # One engine for each page: what they do is shown elsewhere, and a page takes half a minute.
        [
            ("old" if file in {README, COMMANDS} else "new", file)
            for file in DOCUMENTS
            if list(fences(file, "console"))
        ],
        ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, Path) else value,
        indirect=["engine"],
    )
    def test_commands_print_what_is_shown(self, page: Path, engine: Engine, tmp_path: Path):
        with terminal(page, tmp_path, str(engine.root), free_port()) as opened:
            for fence in fences(page):
                opened.play(fence)

    @for_each("fence", of("yaml"), ids=str)
    def test_specs_are_valid(self, fence: Fence):
        _, problems = loads(fence.text, str(fence), {})
        assert bool(errors_in(problems)) == ("not-valid" in fence.markers), problems

    @pytest.mark.parametrize("fence", of("apache"), ids=str)
    def test_rules_are_sound(self, fence: Fence):
        assert lint({"own.conf": fence.text}, ours=()) == []

    @for_each("fence", of("console"), ids=str)
    def test_commands_that_are_not_run_say_why(self, fence: Fence):
        assert commands(fence)
        assert fence.markers.get("not-run", "a reason")

    @for_each("fence", of(), ids=str)
    def test_fences_are_of_a_kind_that_is_tested(self, fence: Fence):
        known = {"console", "yaml", "apache", "jinja", "text", "makefile", "python"}
        assert fence.language in known
        assert fence.markers.keys() <= {
            "background", "file", "not-run", "not-valid", "seclang", "status"
        }  # fmt: skip


@OF_THE_SOURCE
class TestGeneratedParts:
    @pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
    def test_are_what_the_code_says(self, page: Path):
        text = page.read_text(encoding="utf-8")
        assert text == with_generated_parts(text), "run `make docs`"

    def test_there_are_some(self):
        assert {SPEC, REFERENCE} <= set(pages())


class TestCommands:
    @for_each("words", list(all_commands()), ids=" ".join)
    def test_each_has_an_example(self, words: tuple[str, ...]):
        typed = [one.command for fence in fences(COMMANDS, "console") for one in commands(fence)]
        name = f"waf-builder {' '.join(words)}"
        if words == ("templates",):
            name = "waf-builder templates list"
        assert any(name in command for command in typed)
        assert f"`{words[0]}" in text_of(COMMANDS)

    @for_each("words", list(all_commands()), ids=" ".join)
    def test_each_says_what_it_does(self, words: tuple[str, ...]):
        assert help_of(words) in text_of(REFERENCE)

    @for_each("fence", of("console"), ids=str)
    def test_every_option_shown_exists(self, fence: Fence):
        for one in commands(fence):
            for call in re.findall(
                r"waf-builder ([a-z][^|;&>)\n]*(?:\\\n[^|;&>)\n]*)*)", one.command
            ):
                words = call.replace("\\\n", " ").split()
                groups = {words[0] for words in all_commands() if len(words) > 1}
                name = tuple(words[:2]) if words[0] in groups else (words[0],)
                known = help_of(name)
                for option in (word for word in words if re.fullmatch("--?[a-z][a-z-]*", word)):
                    assert re.search(rf"{option}\b", known), f"{fence}: {option}"


class TestSpec:
    def test_every_model_has_its_table(self):
        models = {
            found
            for _, found in inspect.getmembers(model, inspect.isclass)
            if issubclass(found, model.SpecModel) and found is not model.SpecModel
        }
        assert models == {found for _, found in SECTIONS}

    @for_each(
        ("found", "name"), fields(), ids=[f"{found.__name__}.{name}" for found, name in fields()]
    )
    def test_every_field_is_explained_and_justified(self, found: type, name: str):
        assert f"| `{name}` |" in text_of(SPEC)
        assert meanings(found)[name]
        wanted = re.compile(rf"\b{name}\b")
        assert any(wanted.search(code) for code in code_in(RATIONALE)), "no reason is given"


class TestRationale:
    @for_each(("name", "number"), sorted(numbers()), ids=str)
    def test_every_number_of_a_template_has_its_reason(self, name: str, number: str):
        wanted = re.compile(rf"\b{name}\b.*\b{number}\b")
        assert any(wanted.search(code) for code in code_in(RATIONALE)), "no reason is given"

    def test_every_number_named_is_in_a_template(self):
        directive = r"^\*\*`(?P<name>[a-z_]+|Sec[A-Za-z]+) (?P<value>[0-9][^`]*)`"
        for found in re.finditer(directive, text_of(RATIONALE), re.MULTILINE):
            for number in found["value"].split():
                assert (found["name"], number) in numbers(), found[0]


@OF_THE_SOURCE
class TestProblems:
    def test_every_code_says_something(self):
        assert [code for code, report in codes().items() if not report.message] == []

    def test_the_source_was_read(self):
        assert len(reports()) > 100
        assert "spec.port-range" in codes()
        assert codes_in_source() <= codes().keys()

    def test_every_code_is_in_the_reference(self):
        reference = text_of(REFERENCE)
        assert [code for code in sorted(codes()) if f"| `{code}`" not in reference] == []

    @for_each("page", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
    def test_every_code_shown_exists(self, page: Path):
        shown = re.findall(r"\[([a-z]+\.[a-z]+-?[a-z-]+)\](?!\()", page.read_text(encoding="utf-8"))
        assert {code for code in shown if not code.startswith("security.")} <= codes().keys()


class TestTemplates:
    TABLE = re.compile(
        r"^\| (?:`(?P<template>[^`]+)` )?\|[^|]*\| (?:`(?P<block>[^`]+)` )?\|", re.MULTILINE
    )

    def test_every_template_and_block_is_in_the_table_in_order(self):
        listed: dict[str, list[str]] = {}
        template = ""
        for row in self.TABLE.finditer(text_of(OVERRIDES)):
            template = row["template"] or template
            if template.endswith(".j2"):
                listed.setdefault(template, [])
                listed[template] += [row["block"]] if row["block"] else []
        assert listed == builtin_templates_with_blocks()


class TestDeploy:
    def test_the_build_log_is_what_the_scripts_print(self):
        (log,) = [fence.text for fence in fences(DEPLOY, "text") if fence.text.startswith("----->")]
        here = {
            "debian-12": deploys.STACK,
            "bookworm": store.codename(),
            "[...] files, checked": "N files, checked",
        }
        for shown, name in here.items():
            log = log.replace(shown, name)
        golden = ROOT / "tests/buildpack/logs/first_deploy.log"
        assert f"{deploys.normal(log)}[exit 0]\n" == golden.read_text(encoding="utf-8")

    def test_the_warning_without_the_platforms_engine_is_the_one_of_the_build_log(self):
        (shown,) = [
            fence.text
            for fence in fences(DEPLOY, "text")
            if fence.text.startswith(" !     Warning")
        ]
        golden = ROOT / "tests/buildpack/logs/platform_down_cold.log"
        assert f"\n\n{deploys.normal(shown)}\n" in golden.read_text(encoding="utf-8")

    def test_the_boot_line_is_what_start_waf_prints(self):
        (line,) = re.findall(r"^waf: listening on .*$", text_of(DEPLOY), re.MULTILINE)
        found = re.fullmatch(
            r"waf: listening on [0-9.]+:\d+, (?P<workers>\d) workers, up to (?P<memory>\d+) MiB, "
            r"(?P<summary>.*)",
            line,
        )
        assert found
        assert int(found["memory"]) == BASE_MIB + WORKER_MIB * int(found["workers"])
        stamped = json.loads(stamp(config_of(SMALLEST), {}))["summary"]
        assert normal(found["summary"]) == normal(stamped)

    def test_container_sizes_are_those_that_start_waf_goes_by(self):
        row = r"^\| \w+ \| (\d+) MiB \| (\d) \| (\d+) MiB"
        rows = re.findall(row, text_of(DEPLOY), re.MULTILINE)
        assert len(rows) == 4
        for memory, workers, body in (map(int, found) for found in rows):
            assert workers == min(8, (memory - BASE_MIB) // WORKER_MIB)
            assert body == min(75, (memory - BASE_MIB) // BODY_FACTOR)

    def test_the_platforms_engine_is_the_one_that_is_asked_for(self):
        shown = f"nginx {DEFAULT.nginx} with ModSecurity {DEFAULT.modsecurity}"
        assert shown in text_of(DEPLOY)


def test_every_environment_variable_is_in_the_reference():
    sources = [*(ROOT / "waf_builder").rglob("*.py"), start_waf()]
    named = (
        r"(?<![\w.@])(?:WAF_[A-Z_]+|CONTAINER(?:_[A-Z]+)?|SCALINGO_[A-Z_]+|VENDOR_URL|STACK|PORT|APP)"
        r"(?![\w@])"
    )
    used = set(re.findall(named, text_of(*sources)))
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", text_of(REFERENCE), re.MULTILINE))
    assert used == table


def test_every_key_of_the_access_line_is_in_the_reference():
    template = (ROOT / "templates/logs.conf.j2").read_text(encoding="utf-8")
    template = re.sub(r"^\{%.*%\}\n", "", template, flags=re.MULTILINE)
    parts = re.search(r"log_format waf escape=json\s*((?:\s*'.*')+);", template)
    assert parts
    line = "".join(re.findall(r"'(.*)'", parts[1]))
    keys = set(access_line(re.sub(r":\$\w+", ":0", line)))
    table = text_of(REFERENCE).partition("### The access line")[2].partition("### The audit")[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"`([\w.@]+)`", row)} == keys


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
class TestPages:
    def test_links_lead_somewhere(self, page: Path):
        text = re.sub(
            r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith(("https://", "mailto:")):
                continue
            path, _, heading = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), target
            if heading:
                titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                assert heading in {slug(title) for title in titles}, target

    def test_is_plain(self, page: Path):
        """No word that sells, and no line that only a wide screen shows whole."""
        text = page.read_text(encoding="utf-8").lower()
        selling = (
            r"\b(?:powerful|seamless\w*|blazing\w*|robust|effortless\w*|simply|best-in-class)\b"
        )
        assert not re.search(selling, text)


def test_every_path_in_contributing_exists():
    named = re.findall(
        r"`((?:tests|waf_builder|templates|buildpack|examples)/[^`<\s]*)`",
        text_of(ROOT / "CONTRIBUTING.md"),
    )
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def slug(title: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


class TestTheInstruments:
    """What compares must be able to say no."""

    def test_output_that_differs_does_not_match(self):
        assert matches("a\n[...]\nb\n", "a\nx\ny\nb\n")
        assert matches("a [...] c\n", "a b c\n")
        assert not matches("a\nb\n", "a\nx\nb\n")
        assert not matches("a\n", "a\nb\n")
        assert not matches("a\nb\n", "a\n")

    def test_what_changes_from_run_to_run_does_match(self):
        assert matches(
            "12:00:00.001 200 pass  GET /  5 ms\n", "23:59:59.999 200 pass  GET /  17 ms\n"
        )
        assert matches("for nginx 1.22.1, CRS 3.3.4\n", "for nginx 1.30.6, CRS 4.25.1\n")
        assert not matches("status 403\n", "status 200\n")
        assert not matches("build: 34 files for CRS 3.3.4\n", "build: 75 files for CRS 3.3.4\n")

    def test_a_command_that_prints_something_else_fails(self, tmp_path: Path):
        def play(text: str, **markers: str) -> None:
            fence = Fence(README, 1, "console", markers, text)
            Terminal(tmp_path, {"PATH": "/usr/bin:/bin"}, 1).play(fence)

        play("$ echo yes\nyes\n$ echo no\nno\n")
        play("$ false\n", status="1")
        for text in ("$ echo yes\nno\n", "$ echo yes\n", "$ true\nyes\n", "$ false\n"):
            with pytest.raises(AssertionError):
                play(text)
