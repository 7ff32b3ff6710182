"""What people read when a deploy stops, or goes on with less than the best: whole paragraphs."""

from __future__ import annotations

from collections.abc import Sequence

SETTING = "WAF_BUILDER_ENGINE"
CRS_SETTING = "WAF_BUILDER_CRS"

# The ways out that an error of apt names are those of the command line.
_COMMAND_LINE = "\n    Other ways to an engine:"

_ANOTHER_CACHE = "Name another one in $WAF_BUILDER_CACHE."
"""A deploy's cache is where the platform says."""

OLD = """\
This deploy goes on with what the last one left in the cache. Deploy again when the registry
is back, to get security fixes that it may have."""

OLD_RULES = """\
This deploy goes on with them: they protect too, but know less of newer attacks. Deploy again
when the server is back."""

BY_PACKAGES = """\
The distribution's packages take its place: they may be older. Deploy again when the server
is back, or set WAF_BUILDER_ENGINE to apt to take packages always."""


def unknown_source(source: str, known: Sequence[str]) -> str:
    """Return the paragraphs for a setting that names no source of engines."""
    return (
        f"{SETTING} is '{source}', expected {' or '.join(known)}, or nothing.\n\n"
        "It forces where nginx and ModSecurity come from. Mend or unset it:\n"
        f"'scalingo env-unset {SETTING}'."
    )


def no_engine(stack: str, source: str | None, reason: str) -> str:
    """Return the paragraphs for a deploy without an engine; source: the one that was forced."""
    way = (
        f"\nWithout {SETTING} packages take over: 'scalingo env-unset {SETTING}'."
        if source == "platform"
        else " If this stack does not\n"
        "have the packages, choose a newer one: 'scalingo stacks-set scalingo-26'."
    )
    return (
        f"No engine for {stack}: nginx with ModSecurity and the Core Rule Set.\n\n"
        f"{quoted(reason)}\n\n"
        "Without them nothing protects the app, so the deploy stops here; what was deployed\n"
        f"last keeps running. If a registry is down, deploy again later.{way}"
    )


def no_rules(wanted: str | None, reason: str) -> str:
    """Return the paragraphs for a deploy without rules; wanted: a version or a folder."""
    named = f" {wanted}" if wanted else ""
    return (
        f"No rules: the Core Rule Set{named} cannot be had.\n\n{quoted(reason)}\n\n"
        "Without it nothing protects the app, so the deploy stops here; what was deployed\n"
        f"last keeps running. The spec's 'waf: crs:' names a version. {CRS_SETTING} names one\n"
        "for one app, or a folder in the app with an unpacked release, and wins."
    )


def lock_not_met(what: str) -> str:
    """Return the paragraphs for a deploy that would not be as locked; what: how it differs."""
    return (
        f"This deploy cannot be what waf.lock says.\n\n{what}\n\n"
        "If the change is meant, make the lock again with 'waf-builder lock', look at the\n"
        "difference, and commit it. If not, restore what it was; if a server is down, deploy\n"
        "again later. What was deployed last keeps running."
    )


def quoted(text: str) -> str:
    """Return the text of an error, indented as what a paragraph quotes."""
    return "\n".join(f"  {line.removeprefix('    ')}" for line in text.splitlines())


def bare(error: Exception) -> str:
    """Return an error's text with a deploy's ways out instead of those of a command line."""
    text = str(error).partition(_COMMAND_LINE)[0].replace("--crs DIR", f"{CRS_SETTING}=DIR")
    return text.replace(_ANOTHER_CACHE, "Empty it: 'scalingo deployment-delete-cache'.")
