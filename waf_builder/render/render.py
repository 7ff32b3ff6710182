"""From a Config to the text of every file, in memory."""

from __future__ import annotations

from pathlib import Path

from jinja2 import TemplateError
from jinja2.exceptions import TemplateNotFound

from waf_builder.config.model import Config
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place, Problem, did_you_mean
from waf_builder.render.blocks import unused_parts
from waf_builder.render.environment import BUILTIN, make_environment
from waf_builder.render.errorpage import fill_page
from waf_builder.render.outputs import outputs
from waf_builder.render.overrides import Overrides

Tree = dict[str, str]
"""The rendered files: path below the tree -> text."""


_TEMPLATE_ERRORS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a user's template can raise; from a built-in one, each would be a bug of ours."""


def render(config: Config, overrides: Overrides | None = None) -> Tree:
    """Return the tree for a configuration, the user's own rule files included.

    Raises ProblemsError, with file and line, for an override that Jinja cannot render.
    """
    folder = overrides.templates if overrides else None
    if folder and (unused := unused_parts(folder)):
        raise ProblemsError(unused)
    environment = make_environment(folder)
    tree: Tree = {}
    for output in outputs(config):
        try:
            template = environment.get_template(output.template)
            tree[output.path] = template.render(output.context)
        except _TEMPLATE_ERRORS as error:
            if folder is None:
                raise
            raise ProblemsError([_problem(error, output.template, folder)]) from error
    if overrides:
        tree.update(overrides.rules)
    if overrides and overrides.page is not None:
        for page in config.error_pages:
            tree[f"errors/{page.status}.html"] = fill_page(overrides.page, page)
    return tree


def _problem(error: Exception, template: str, folder: Path) -> Problem:
    place = _line_in(error, folder)
    if place:
        template = Path(place.file).relative_to(folder).as_posix()
    if isinstance(error, TemplateNotFound):
        known = [
            f"{BUILTIN}:{name}" for name in make_environment().list_templates() if ":" not in name
        ]
        hint = did_you_mean(str(error.name), known)
        return Problem("render.no-template", f"there is no template {error.name!r}", place, hint)
    what, hint = str(error).rstrip("."), ""
    if isinstance(error, RecursionError):
        what = "it includes or extends itself"
        hint = f'The built-in one is "{BUILTIN}:{template}".'
    return Problem("render.template", f"{template} cannot be rendered: {what}", place, hint)


def _line_in(error: Exception, folder: Path) -> Place | None:
    trace = error.__traceback__
    place = None
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(str(folder)):
            place = Place(file, trace.tb_lineno)
        trace = trace.tb_next
    return place
