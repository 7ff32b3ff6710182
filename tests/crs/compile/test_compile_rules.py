from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from waf_builder.crs.compile import Compiled, compile_rules
from waf_builder.crs.index import index_of, rule_index
from waf_builder.crs.installed import InstalledCrs
from waf_builder.problem import Problem, Severity
from waf_builder.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

RULES = "engine/crs/rules/*.conf"
TREE = {
    "modsecurity/main.conf": "Include runtime/brake-rules.conf\nInclude setup.conf\n"
    f"Include {RULES}\n",
    "modsecurity/setup.conf": 'SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=1"\n',
    "boot/brake-rules.conf": '@BRAKE@SecAction "id:2,phase:1,nolog,ctl:ruleEngine=DetectionOnly"\n',
    "nginx.conf": "http {\n    modsecurity_rules_file modsecurity/main.conf;\n}\n",
}  # fmt: skip
LICENCE = "# ----\n# OWASP CRS\n# The licence.\n# ----\n\n"
TEXT = LICENCE + (
    '# About it.\nSecRule TX:LEVEL "@ge 2" "id:10,phase:2,deny"\n'
    'SecRule ARGS "@pmFromFile words.data" "id:20,phase:2,deny"\n'
)


def rule_set(folder: Path, text: str = TEXT, **more: str) -> InstalledCrs:
    rules = folder / "rules"
    rules.mkdir()
    (rules / "words.data").write_text("één\n", encoding="utf-8")
    (rules / "B.conf").write_text(text)
    for name, content in more.items():
        (rules / f"{name}.conf").write_text(content)
    return InstalledCrs(folder, Version(4, 25, 1))


def test_files_keep_their_lines_their_licence_and_the_lists_they_read(tmp_path: Path):
    done = compile_rules(rule_set(tmp_path, C='SecMarker "X"\n'), TREE, RULES)
    assert isinstance(done, Compiled)
    assert done.files == {
        "B.conf": "# Compiled by waf-builder: what is not needed was taken out, lines stay where"
        " they were.\n# OWASP CRS\n# The licence.\n# ----\n\n\n\n"
        'SecRule ARGS "@pmFromFile words.data" "id:20,phase:2,deny"\n',
        "words.data": "één\n",
    }
    assert (done.manifest.rules, done.manifest.loaded) == (2, 1)
    assert json.loads(done.manifest.as_json()) == {
        "crs": "4.25.1",
        "rules": 2,
        "loaded": 1,
        "changes": [
            {
                "file": "B.conf",
                "line": 7,
                "id": 10,
                "step": "conditions",
                "loaded": False,
                "why": 'TX:LEVEL "@ge 2" is never true',
            },
            {
                "file": "B.conf",
                "line": 8,
                "id": 20,
                "step": "lists",
                "loaded": True,
                "why": "words of its list end where the engine stops",
            },
            {
                "file": "C.conf",
                "line": 1,
                "id": None,
                "step": "markers",
                "loaded": False,
                "why": "no rule jumps to it",
            },
        ],
    }


def with_nginx(text: str) -> dict[str, str]:
    return {**TREE, "nginx.conf": TREE["nginx.conf"] + text + "\n"}


@pytest.mark.parametrize(
    ("text", "tree", "message"),
    [
        ("SecRuleEngine On", TREE, "the directive SecRuleEngine"),
        ('SecRule ARGS "@rx a" "id:1,phase:2,pause:1"', TREE, "the action pause"),
        ('SecRule ARGS "@rx a" "id:1,phase:7"', TREE, "the phase '7'"),
        ('SecRule ARGS "@rx a" "id:1"', TREE, "a rule without a phase"),
        ('SecRule ARGS "@pmf none.data" "id:1,phase:2"', TREE, "the list none.data"),
        ('SecRule ARGS "@inspectFile a.lua" "id:1,phase:2"', TREE, "the operator @inspectFile"),
        ('SecRule MATCHED_VAR "@rx a" "id:1,phase:2"', TREE,
         "a rule that looks at the matches of another one"),
        ('SecRule ARGS "@rx a', TREE, "the double quote is not closed on its line"),
        (TEXT, with_nginx("modsecurity_rules 'SecRuleEngine Off';"),
         "the rules in nginx.conf: modsecurity_rules"),
        (TEXT, with_nginx("modsecurity_rules_file mine.conf;"),
         "the rules in nginx.conf: modsecurity_rules_file"),
        (TEXT, {**TREE, "modsecurity/main.conf": "Include /etc/mine.conf\n"},
         "the file /etc/mine.conf, which main.conf includes"),
        (TEXT, {**TREE, "modsecurity/setup.conf": "SecRuleRemoveById abc\n"},
         "'abc', which is no rule number"),
        (TEXT, {**TREE, "modsecurity/setup.conf": "Include more.conf\n"},
         "the directive Include"),
        (TEXT, {**TREE, "modsecurity/setup.conf": 'SecRuleScript a.lua "id:7,phase:1"\n'},
         "the directive SecRuleScript"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_loaded_as_it_is(
    tmp_path: Path, text: str, tree: dict[str, str], message: str
):
    problem = compile_rules(rule_set(tmp_path, text), tree, RULES)
    assert isinstance(problem, Problem)
    assert problem.severity is Severity.WARNING
    assert problem.message == (
        f"the rules of CRS 4.25.1 are loaded as they are: the compiler does not know {message}"
    )


@pytest.mark.parametrize("text", ['SecRule ARGS "@rx a\n', "\ufeffSecRuleEngine On\n"])
def test_a_mistake_of_the_tree_is_left_to_its_check(tmp_path: Path, text: str):
    """Beside that error nobody should read that the rules work all the same."""
    tree = {**TREE, "modsecurity/setup.conf": text}
    assert compile_rules(rule_set(tmp_path), tree, RULES) is None


def test_a_route_s_own_file_counts(tmp_path: Path):
    tree = with_nginx("location / { modsecurity_rules_file modsecurity/routes/a.conf; }")
    tree["modsecurity/routes/a.conf"] = 'SecAction "id:3,phase:1,pass,nolog,setvar:tx.level=2"\n'
    done = compile_rules(rule_set(tmp_path), tree, RULES)
    assert isinstance(done, Compiled)
    assert done.manifest.loaded == 2


def test_the_rules_of_the_engines_are_understood(engine: Engine, tmp_path: Path):
    from waf_builder.config.build import COMPILED_RULES
    from waf_builder.pipeline import Choice, render_spec

    assert engine.crs
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: 127.0.0.1, port: 3000}\n")
    tree = render_spec(spec, Choice(engine=str(engine.root))).tree
    done = compile_rules(engine.crs, tree, COMPILED_RULES)
    assert isinstance(done, Compiled), done
    assert done.manifest.loaded < done.manifest.rules / 3
    for name, text in done.files.items():
        installed = (engine.crs.rules / name).read_text(encoding="utf-8")
        if name.endswith(".conf"):
            assert text.count("\n") == installed.count("\n"), name
        else:
            assert len(text) < len(installed) + 100, name
    # Numbers stand where a severity was named, and say the same.
    added = {one.id: one.points for one in rule_index(engine.crs.folder)}
    for one in index_of({name: text.encode() for name, text in done.files.items()}):
        assert one.points == added.get(one.id, ""), one.id


def test_a_spec_chooses_the_steps(engine_new: Engine, tmp_path: Path):
    from waf_builder.pipeline import Choice, render_spec

    def rendered(chosen: str) -> dict[str, str]:
        spec = tmp_path / "backend.yaml"
        spec.write_text(f"backend: {{host: 127.0.0.1, port: 3000}}\nwaf: {{compile: {chosen}}}\n")
        return dict(render_spec(spec, Choice(engine=str(engine_new.root))).tree)

    some = rendered("[conditions, jumped-over]")
    done = json.loads(some["modsecurity/crs/compiled.json"])["changes"]
    assert {change["step"] for change in done} == {"conditions", "jumped-over"}
    assert "modsecurity/screens.conf" not in some
    none = rendered("false")
    assert not any(name.startswith("modsecurity/crs/") for name in none)
    assert "Include engine/crs/rules/*.conf" in none["modsecurity/main.conf"]


def test_the_steps_have_the_names_of_the_spec():
    from waf_builder.crs.compile import PASSES
    from waf_builder.spec.compiler import STEPS

    assert tuple(PASSES) == STEPS


def test_what_changes_between_two_compilations_is_seen(tmp_path: Path):
    crs = rule_set(tmp_path)
    assert isinstance(compile_rules(crs, TREE, RULES), Compiled)
    (crs.rules / "words.data").write_text("two\n", encoding="utf-8")
    (crs.rules / "B.conf").write_text(TEXT.replace("id:20", "id:30"))
    done = compile_rules(crs, TREE, RULES)
    assert isinstance(done, Compiled)
    assert done.files["words.data"] == "two\n"
    assert "id:30" in done.files["B.conf"]
