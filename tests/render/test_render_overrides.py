"""What a user adds beside the spec: used, or an error with file and line; nothing is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest
from specs import SMALLEST, config_of

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.paths import builtin_templates
from waf_builder.pipeline import Choice, render_spec
from waf_builder.render.builtins import blocks_of, builtin_templates_with_blocks, start_override
from waf_builder.render.environment import make_environment
from waf_builder.render.overrides import Overrides, builtin_names, find_overrides
from waf_builder.render.publish import STAMP
from waf_builder.render.render import Tree, render


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a spec, as the user stands in it."""
    (tmp_path / "backend.yaml").write_text(SMALLEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        file = folder / "waf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def rendered() -> Tree:
    return render_spec(Path("backend.yaml"), Choice(engine="none"), environ={}).tree


def problems() -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        rendered()
    return [problem.render() for problem in caught.value.problems]


def test_nothing_beside_the_spec(folder: Path):
    assert find_overrides(folder) == Overrides()
    (folder / "waf").mkdir()
    assert find_overrides(folder) == Overrides()


def test_rules_stand_in_the_tree_and_are_included_in_order(folder: Path):
    write(
        folder,
        {
            "rules/before-crs/20-b.conf": "# b\n",
            "rules/before-crs/10-a.conf": "# a",
            "rules/before-crs/list.data": "x\n",
            "rules/after-crs/c.conf": "# é\r\n",
        },
    )

    tree = rendered()

    assert tree["modsecurity/before-crs/10-a.conf"] == "# a"
    assert tree["modsecurity/before-crs/list.data"] == "x\n"
    included = [line for line in tree["modsecurity/main.conf"].splitlines() if "Include" in line]
    assert [line.split()[1] for line in included] == [
        "runtime/brake-rules.conf",
        "engine.conf",
        "crs-setup.conf",
        "corrections.conf",
        "extra-detection.conf",
        "before-crs/10-a.conf",
        "before-crs/20-b.conf",
        "engine/crs/rules/*.conf",
        "late.conf",
        "after-crs/c.conf",
    ]


def test_a_mistake_in_a_rule_is_placed_in_the_user_s_file(folder: Path):
    write(folder, {"rules/after-crs/mine.conf": "\nSecRulez ARGS @rx\n"})
    spec = render_spec(Path("backend.yaml"), Choice(engine="none"), environ={})

    from waf_builder.pipeline import prove

    with pytest.raises(ProblemsError) as caught:
        prove(spec)

    assert str(caught.value.problems[0].place).startswith("waf/rules/after-crs/mine.conf:2")


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (
            "rules/mine.conf",
            (
                "this file is loaded by nothing [override.stray-rule]\n"
                "    Rules stand in waf/rules/before-crs/ or waf/rules/after-crs/."
            ),
        ),
        (
            "rules/before/mine.conf",
            (
                "this file is loaded by nothing"
                " [override.stray-rule]\n"
                "    Rules stand in waf/rules/before-crs/ or waf/rules/after-crs/."
            ),
        ),
        (
            "rules/before-crs/deeper/mine.conf",
            (
                "this file is loaded by nothing"
                " [override.stray-rule]\n"
                "    Rules stand in waf/rules/before-crs/ or waf/rules/after-crs/."
            ),
        ),
        (
            "rules/before-crs/mine.conf~",
            (
                "'mine.conf~' is loaded by nothing, expected"
                " NAME.conf or NAME.data [override.stray-rule]\n"
                "    Names have letters, digits, dots, hyphens and underscores."
            ),
        ),
        (
            "rules/before-crs/my rules.conf",
            (
                "'my rules.conf' is loaded by nothing,"
                " expected NAME.conf or NAME.data [override.stray-rule]\n"
                "    Names have letters, digits, dots, hyphens and underscores."
            ),
        ),
        (
            "rule/before-crs/mine.conf",
            (
                "'rule' is used by nothing, expected the folders rules, templates and plugins"
                " [override.stray-file]\n    Did you mean 'rules'?"
            ),
        ),
        (
            "templates",
            (
                "'templates' is used by nothing, expected the folders rules,"
                " templates and plugins [override.stray-file]"
            ),
        ),
        (
            "templates/serverr.conf.j2",
            (
                "'serverr.conf.j2' overrides no built-in template"
                " [override.unknown-template]\n    Did you mean 'server.conf.j2'?"
            ),
        ),
        (
            "templates/notes.txt",
            (
                "'notes.txt' overrides no built-in template"
                " [override.unknown-template]\n    `waf-builder templates list` shows them."
            ),
        ),
        (
            "templates/errors/403.html.j2",
            (
                "'errors/403.html.j2' overrides no built-in"
                " template [override.unknown-template]\n    Did you mean 'errors/page.html.j2'?"
            ),
        ),
    ],
)
def test_a_file_that_would_do_nothing(folder: Path, file: str, problem: str):
    write(folder, {file: ""})
    place = "rule" if file.startswith("rule/") else file

    assert problems() == [f"waf/{place}: error: {problem}"]


def test_files_that_are_not_text(folder: Path):
    write(
        folder,
        {
            "rules/before-crs/a.conf": b"# caf\xe9\n",
            "rules/before-crs/b.data": b"\xff",
        },
    )
    assert problems() == [
        f"waf/rules/before-crs/{name}: error: this rule file is not UTF-8 text [override.not-text]"
        for name in ("a.conf", "b.data")
    ]


def test_a_template_that_is_not_text(folder: Path):
    write(folder, {"templates/server.conf.j2": b"\xff"})

    assert problems() == [
        "waf/templates/server.conf.j2: error: this template is not UTF-8 text [override.not-text]"
    ]


def test_a_rule_file_that_cannot_be_read(folder: Path):
    write(folder, {})
    rules = folder / "waf" / "rules" / "after-crs"
    rules.mkdir(parents=True)
    (rules / "mine.conf").symlink_to("nothing")

    with pytest.raises(WafBuilderError) as caught:
        rendered()

    assert str(caught.value) == (
        "waf/rules/after-crs/mine.conf cannot be read: No such file or directory"
    )


def test_a_published_tree_is_no_set_of_overrides(folder: Path):
    write(folder, {STAMP: "{}", "nginx.conf": "", "modsecurity/main.conf": ""})

    assert find_overrides(folder) == Overrides()


EXTENDS = '{% extends "builtin:server.conf.j2" %}\n'


def block(text: str) -> str:
    return f"{EXTENDS}{{% block server_extra %}}\n{text}\n{{% endblock %}}\n"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            block("{{ nope }}"),
            ("3: error: server.conf.j2 cannot be rendered: 'nope' is undefined [render.template]"),
        ),
        (
            block("{{ server.nope }}"),
            (
                "3: error: server.conf.j2 cannot be rendered:"
                " 'waf_builder.config.model.server.Server object' has no attribute 'nope'"
                " [render.template]"
            ),
        ),
        (
            block("{{ 1 / 0 }}"),
            ("3: error: server.conf.j2 cannot be rendered: division by zero [render.template]"),
        ),
        (
            block("{{ 'a$b' | nginx_quote }}"),
            (
                "3: error: server.conf.j2 cannot be rendered: 'a$b'"
                " cannot be an nginx argument [render.template]"
            ),
        ),
        (
            block("{{ server + 1 }}"),
            (
                "3: error: server.conf.j2 cannot be rendered: unsupported"
                " operand type(s) for +: 'Server' and 'int' [render.template]"
            ),
        ),
        (
            block("{{ nope }"),
            ("3: error: not a template: unexpected '}' [render.template-syntax]"),
        ),
        (
            block("{{ server | shout }}"),
            (
                "3: error: server.conf.j2 cannot be rendered: No filter named"
                " 'shout' [render.template]"
            ),
        ),
        (
            block('{% include "nope.j2" %}'),
            ("3: error: there is no template 'nope.j2' [render.no-template]"),
        ),
        (
            block('{% include "../../backend.yaml" %}'),
            ("3: error: there is no template '../../backend.yaml' [render.no-template]"),
        ),
        (
            EXTENDS.replace("server", "sever"),
            (
                "1: error: there is no template 'builtin:sever.conf.j2'"
                " [render.no-template]\n    Did you mean 'builtin:server.conf.j2'?"
            ),
        ),
        (
            EXTENDS.replace("builtin:", ""),
            (
                "1: error: server.conf.j2 cannot be rendered: it includes"
                " or extends itself [render.template]\n"
                '    The built-in one is "builtin:server.conf.j2".'
            ),
        ),
        (
            EXTENDS + "\n{% block server_xtra %}{% endblock %}\n",
            (
                "3: error: server.conf.j2 has no block 'server_xtra', so"
                " this one is printed nowhere [render.unknown-block]\n"
                "    Did you mean 'server_extra'?"
            ),
        ),
        (
            EXTENDS + "\n\n    autoindex on;\n",
            (
                "4: error: this stands outside of every block and is"
                " printed nowhere [render.outside-block]\n"
                "    Put it into one of the blocks: server_extra."
            ),
        ),
        (
            EXTENDS + "{% if server %}x{% endif %}\n",
            (
                "2: error: this stands outside of every block and is"
                " printed nowhere [render.outside-block]\n"
                "    Put it into one of the blocks: server_extra."
            ),
        ),
    ],
)
def test_a_template_that_cannot_be_rendered(folder: Path, template: str, problem: str):
    write(folder, {"templates/server.conf.j2": template})

    assert problems() == [f"waf/templates/server.conf.j2:{problem}"]


def test_every_template_is_looked_at_before_one_is_rendered(folder: Path):
    write(
        folder,
        {
            "templates/server.conf.j2": EXTENDS + "x",
            "templates/location.conf.j2": "{{",
        },
    )

    assert [problem.split(":")[0] for problem in problems()] == [
        "waf/templates/location.conf.j2",
        "waf/templates/server.conf.j2",
    ]


@pytest.mark.parametrize(
    "template",
    [
        EXTENDS + "{# a comment #}\n{% set x = 1 %}\n\n{% block server_extra %}{% endblock %}\n",
        EXTENDS + "{% block server_extra %}{% block inner %}{% endblock %}{% endblock %}",
        "{% set base = 'builtin:server.conf.j2' %}{% extends base %}",
        "# all of it\n",
    ],
)
def test_a_template_that_loses_nothing(folder: Path, template: str):
    write(folder, {"templates/server.conf.j2": template})

    assert rendered()


def test_a_block_is_replaced_and_super_is_what_was_there(folder: Path):
    write(
        folder,
        {
            "templates/nginx.conf.j2": '{% extends "builtin:nginx.conf.j2" %}\n'
            "{% block events %}\n{{ super() }}    multi_accept on;\n{% endblock %}\n"
        },
    )

    changed, plain = rendered()["nginx.conf"], render(config_of(SMALLEST))["nginx.conf"]

    assert changed == plain.replace(
        "    worker_connections 2048;\n", "    worker_connections 2048;\n    multi_accept on;\n"
    )


def test_a_mistake_of_ours_stays_a_traceback():
    """What a built-in template raises is a bug, and not the user's to mend."""
    from dataclasses import replace

    from jinja2 import UndefinedError

    with pytest.raises((UndefinedError, TypeError, AttributeError)):
        render(replace(config_of(SMALLEST), servers=(None,)))


def test_the_built_in_templates_with_their_blocks():
    listed = builtin_templates_with_blocks()

    assert list(listed) == builtin_names()
    assert set(listed) == {
        path.relative_to(builtin_templates()).as_posix()
        for path in builtin_templates().rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert listed["server.conf.j2"] == ["server_extra"]
    assert blocks_of("nginx.conf.j2")[0] == "main"


@pytest.mark.parametrize("name", builtin_names())
def test_a_starting_point_changes_nothing(folder: Path, name: str):
    file = start_override(name, Path("waf/templates"))

    assert file == Path("waf/templates") / name
    changed = rendered()
    plain = render(config_of(SMALLEST))
    assert {name: changed[name] for name in plain} == plain


@pytest.mark.parametrize("name", builtin_names())
def test_a_starting_point_has_every_block(folder: Path, name: str):
    text = start_override(name, folder / "t").read_text(encoding="utf-8")

    for known in blocks_of(name):
        assert f"{{% block {known} %}}" in text


@pytest.mark.parametrize("name", [name for name in builtin_names() if blocks_of(name)])
def test_each_block_can_be_overridden_alone(folder: Path, name: str):
    for known in blocks_of(name):
        write(
            folder,
            {
                f"templates/{name}": f'{{% extends "builtin:{name}" %}}\n'
                f"{{% block {known} %}}\n{{{{ super() }}}}# MARK\n{{% endblock %}}\n"
            },
        )
        spec = "waf: {paranoia_level: 2}\nroutes: [{path: /, waf: {mode: detect}}]\n"
        (folder / "backend.yaml").write_text(SMALLEST + spec, encoding="utf-8")
        texts = rendered()

        assert any("# MARK" in text for text in texts.values()), f"{name}: {known}"


def test_a_starting_point_is_never_written_over_a_file(folder: Path):
    write(folder, {"templates/server.conf.j2": "mine"})

    with pytest.raises(WafBuilderError) as caught:
        start_override("server.conf.j2", Path("waf/templates"))

    assert str(caught.value) == (
        "waf/templates/server.conf.j2 is there already, and is left as it is"
    )


def test_no_such_template(folder: Path):
    with pytest.raises(WafBuilderError) as caught:
        start_override("server.conf", folder)

    assert str(caught.value) == (
        "there is no built-in template 'server.conf'\n    Did you mean 'server.conf.j2'?"
    )
    with pytest.raises(WafBuilderError, match="`waf-builder templates list` shows them"):
        start_override("../../etc/passwd", folder)


def test_templates_are_strict_and_see_no_files():
    environment = make_environment()

    assert environment.undefined.__name__ == "StrictUndefined"
    assert environment is make_environment()
    assert environment.get_template("builtin:server.conf.j2")
