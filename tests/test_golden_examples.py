"""Each example renders to the tree in golden_examples/<name>/expected, byte for byte.

`pytest --update-golden` writes these trees anew; read the diff.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from waf_builder.pipeline import Choice, check_rendered, render_spec
from waf_builder.render.publish import STAMP, staged, write_tree
from waf_builder.spec.load import load

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
GOLDEN = Path(__file__).parent / "golden_examples"


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def test_renders_as_expected(example: Path, update_golden: bool):
    rendered = render_spec(example / "backend.yaml", Choice(engine="none"), environ={})
    # The pages depend on no spec, only on templates of the user's own.
    left_out = () if (example / "waf/templates").is_dir() else ("errors/",)
    tree = {
        name: text
        for name, text in rendered.tree.items()
        if name != STAMP and not name.startswith(left_out)
    }
    expected = GOLDEN / example.name / "expected"
    if update_golden:
        shutil.rmtree(expected, ignore_errors=True)
        write_tree(tree, expected)
    assert tree == {
        path.relative_to(expected).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(expected.rglob("*"))
        if path.is_file()
    }


def test_has_no_problem_at_all(example: Path):
    """Neither the spec nor what becomes of it: an example is what people copy."""
    assert load(example / "backend.yaml", {}).warnings == ()
    rendered = render_spec(example / "backend.yaml", Choice(engine="none"), environ={})
    with staged(rendered.tree) as folder:
        assert check_rendered(rendered, folder) == []


def test_has_a_page_and_golden_trees_have_an_example(example: Path):
    page = (example / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert len(page.splitlines()) <= 60
    assert {path.name for path in GOLDEN.iterdir()} == {path.name for path in EXAMPLES}
