"""A plugin of the Core Rule Set."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.plugintypes import (
    PLUGIN_NAME,
    PluginFolder,
    PluginName,
    PluginUrl,
    Sha256,
)


class Plugin(SpecModel):
    """The exclusions for an application, or any plugin; where a name is enough, it stands alone."""

    name: PluginName
    """An application, such as wordpress, or what the plugin is to be called here."""

    folder: PluginFolder | None = None
    """Where it is, as seen from the spec; left out, `waf/plugins/<name>` or the rule set's own."""

    url: PluginUrl | None = None
    """The .tar.gz that it is got from, instead of a folder."""

    sha256: Sha256 | None = None
    """What `url` must hold: the digest of the plugin's files. An error says it if left out."""


class _NameAlone:
    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        name = {"type": "string", "pattern": f"^{PLUGIN_NAME}$"}
        return {"anyOf": [name, handler(core_schema)]}


def _named(data: Any) -> Any:
    return {"name": data} if isinstance(data, str) else data


PluginEntry = Annotated[Plugin, BeforeValidator(_named), _NameAlone()]
"""A plugin, or its name alone."""
