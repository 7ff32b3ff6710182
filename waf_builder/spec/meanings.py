"""What the fields of a spec mean: the texts that stand below them in the model."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise

from pydantic import BaseModel


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what each field of a part of the spec means, by its name.

    pydantic reads these texts when it is told to, but for every command that imports the model;
    only the schema and the pages show them.
    """
    (found,) = ast.parse(inspect.getsource(model)).body
    return {
        field.target.id: inspect.cleandoc(str(text.value.value))
        for field, text in pairwise(found.body if isinstance(found, ast.ClassDef) else ())
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
