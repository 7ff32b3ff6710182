"""`make docs`: write the generated parts of the documentation again."""

from __future__ import annotations

import sys

from .fences import ROOT
from .generated import pages, with_generated_parts


def main() -> None:
    """Write what has changed and say so."""
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = with_generated_parts(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
        state = "written" if new != old else "up to date"
        sys.stdout.write(f"{page.relative_to(ROOT)}: {state}\n")


main()
