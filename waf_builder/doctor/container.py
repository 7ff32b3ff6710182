"""What a boot finds in its container: port, streams, the emergency brake."""

from __future__ import annotations

import os
import re

from waf_builder.doctor.here import Here
from waf_builder.doctor.result import Result, failed, ok, printable, skipped, warning
from waf_builder.spec.address import PORT

MODES = ("block", "detect")
"""What WAF_MODE may be, besides empty; start-waf refuses any other."""


def check_port(here: Here) -> Result:
    """Return whether PORT is one, where there should be one."""
    port = here.environ.get("PORT", "")
    hint = "start-waf listens on $PORT, which the platform sets for the web process."
    if port:
        if re.fullmatch(PORT, port):
            return ok("PORT", port)
        return failed("PORT", f"{printable(port, 40)!r}, expected a number from 1 to 65535", hint)
    if here.container.startswith("web"):
        return failed("PORT", "not set", hint)
    return skipped("PORT", "not set here; the platform sets it for the web process")


def check_stream(name: str, file: str) -> Result:
    """Return whether a log can be opened as nginx does, by its name.

    A pipe of another user and a socket cannot be; ModSecurity then loses its audit log without a
    word.
    """
    try:
        # Not to wait for a reader that a named pipe does not have.
        os.close(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        return failed(
            name,
            f"{file} cannot be opened by user {os.getuid()}: {error.strerror}",
            "The logs go there by that name. Give it a pipe, a file or a terminal of that user,\n"
            "as in `start-waf DIR > >(cat)`.",
        )
    return ok(name, "can be opened")


def check_mode(here: Here) -> Result:
    """Return whether the emergency brake is on."""
    mode = here.environ.get("WAF_MODE", "")
    if mode == "detect":
        return warning(
            "WAF_MODE",
            "detect: nothing is blocked, whatever the spec says",
            "This is the emergency brake. Remove the variable and restart to block again.",
        )
    if mode and mode not in MODES:
        return failed(
            "WAF_MODE",
            f"{printable(mode, 40)!r}, expected block, detect or nothing",
            "start-waf stops here.",
        )
    return ok("WAF_MODE", mode or "not set: the spec's modes hold")
