"""How a plugin of the Core Rule Set is named, and where it may come from."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator

from waf_builder.spec.mistakes import fail, matching, pattern_schema, text_of

PLUGIN_NAME = "[a-z0-9][a-z0-9-]{0,62}"
_FOLDER = r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
_URL = r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~%+=@,-]+)+\.(tar\.gz|tgz)"
_SHA256 = "[0-9a-f]{64}"


def _plugin_name(value: Any) -> str:
    hint = "A name has small letters, digits and hyphens."
    expected = "the name of a plugin such as wordpress"
    return matching("spec.plugin-name", value, PLUGIN_NAME, expected, hint)


def _plugin_folder(value: Any) -> str:
    text = text_of(value, "spec.plugin-folder", "a folder such as security/my-plugin")
    if not re.fullmatch(_FOLDER, text):
        raise fail(
            "spec.plugin-folder",
            f"{text!r} is not a folder beside the spec, expected one such as security/my-plugin",
            "It is named as seen from the spec, without .. and without a / at either end.",
        )
    return text


def _plugin_url(value: Any) -> str:
    text = text_of(value, "spec.plugin-url", "the URL of a .tar.gz")
    if not re.fullmatch(_URL, text):
        raise fail(
            "spec.plugin-url",
            f"{text!r} is not the URL of a .tar.gz, expected https://HOST/PATH.tar.gz",
            "GitHub has https://github.com/OWNER/NAME/archive/refs/tags/TAG.tar.gz for each tag.",
        )
    return text


def _sha256(value: Any) -> str:
    text = text_of(value, "spec.sha256", "64 hexadecimal digits")
    if not re.fullmatch(_SHA256, text):
        raise fail("spec.sha256", f"{text!r} is not a SHA-256, expected 64 hexadecimal digits")
    return text


PluginName = Annotated[str, PlainValidator(_plugin_name), pattern_schema(PLUGIN_NAME)]
PluginFolder = Annotated[str, PlainValidator(_plugin_folder), pattern_schema(_FOLDER)]
PluginUrl = Annotated[str, PlainValidator(_plugin_url), pattern_schema(_URL)]
Sha256 = Annotated[str, PlainValidator(_sha256), pattern_schema(_SHA256)]
