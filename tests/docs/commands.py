"""The commands' own help, as one page shows it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from waf_builder.cli import main


def all_commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command: `("templates", "copy")`."""
    for name, command in main.commands.items():
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)


def help_of(words: tuple[str, ...]) -> str:
    """Return what `--help` prints, 80 columns wide."""
    arguments = [*words, "--help"]
    run = CliRunner().invoke(main, arguments, prog_name="waf-builder", terminal_width=80)
    assert run.exit_code == 0, run.output
    return run.output


def summaries() -> str:
    """Return a table of what each command is for."""
    rows = [f"| `{name}` | {one.get_short_help_str(80)} |" for name, one in main.commands.items()]
    return "\n".join(["| command | |", "|---|---|", *rows, ""])


def command_reference() -> str:
    """Return every command with its help."""
    parts = [f"### {' '.join(words)}\n\n```text\n{help_of(words)}```\n" for words in all_commands()]
    return "\n".join(parts)
