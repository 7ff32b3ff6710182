"""The types of responses that are read stand twice: for ModSecurity, and in a rule's pattern."""

from __future__ import annotations

import re

from specs import SMALLEST, tree_of


def test_a_compressed_response_is_refused_of_the_types_that_are_read():
    engine = tree_of(f"{SMALLEST}waf: {{inspect_responses: true}}\n")["modsecurity/engine.conf"]
    (types,) = re.findall(r"^SecResponseBodyMimeType (.*)$", engine, re.MULTILINE)
    (pattern,) = re.findall(r'SecRule RESPONSE_CONTENT_TYPE "@rx ([^"]*)"', engine)

    assert all(re.match(pattern, name) for name in types.split())
    for other in ("text/css", "application/javascript", "image/svg+xml", "application/zip"):
        assert other not in types.split()
        assert not re.match(pattern, other)
