"""The built-in templates as a user sees them: names, blocks, starting points."""

from __future__ import annotations

from pathlib import Path

from jinja2 import nodes

from waf_builder.errors import WafBuilderError
from waf_builder.paths import builtin_templates
from waf_builder.problem import did_you_mean
from waf_builder.render.environment import BUILTIN, make_environment
from waf_builder.render.overrides import builtin_names


def builtin_templates_with_blocks() -> dict[str, list[str]]:
    """Return each built-in template with the names of its blocks, in the order of the file."""
    return {name: blocks_of(name) for name in builtin_names()}


def blocks_of(name: str) -> list[str]:
    """Return the blocks of a built-in template."""
    tree = make_environment().parse((builtin_templates() / name).read_text(encoding="utf-8"))
    return [block.name for block in tree.find_all(nodes.Block)]


def start_override(name: str, folder: Path) -> Path:
    """Write an override of a template that prints what the built-in one does, and return it.

    Raises WafBuilderError for an unknown name or a file that is there already.
    """
    known = builtin_names()
    if name not in known:
        hint = did_you_mean(name, known) or "`waf-builder templates list` shows them."
        raise WafBuilderError(f"there is no built-in template {name!r}\n    {hint}")
    file = folder / name
    if file.exists():
        raise WafBuilderError(f"{file} is there already, and is left as it is")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_starting_point(name), encoding="utf-8")
    except OSError as error:
        raise WafBuilderError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _starting_point(name: str) -> str:
    blocks = blocks_of(name)
    if not blocks:
        return (builtin_templates() / name).read_text(encoding="utf-8")
    lines = [f'{{% extends "{BUILTIN}:{name}" %}}', ""]
    lines.append("{# Keep the blocks you change; super() is what the built-in one prints. #}")
    for block in blocks:
        lines += [f"{{% block {block} %}}", "{{ super() }}{% endblock %}", ""]
    return "\n".join(lines)
