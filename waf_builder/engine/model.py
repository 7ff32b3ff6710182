"""What an engine is: one nginx with ModSecurity in it, and the rules that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from waf_builder.crs.installed import InstalledCrs
from waf_builder.engine import layout
from waf_builder.version import Version


@dataclass(frozen=True)
class Start:
    """How one nginx binary is started.

    loader: the dynamic loader of the nginx's own root; None where the machine's fits.
    library_path: where that nginx's libraries are; empty for an installed nginx.
    preload: the name of a library in one of them that is to be loaded before all others.
    """

    nginx: Path
    loader: Path | None = None
    library_path: tuple[Path, ...] = ()
    preload: str | None = None

    def command(self) -> list[str]:
        """Return the argv that starts nginx; its own arguments follow."""
        if self.loader is None:
            return [str(self.nginx)]
        before = ["--preload", self.preload] if self.preload else []
        return [str(self.loader), *before, "--library-path", self._libraries(), str(self.nginx)]

    def environment(self) -> dict[str, str]:
        """Return the variables that nginx needs besides those of the caller."""
        if self.loader is not None or not self.library_path:
            return {}
        before = {"LD_PRELOAD": self.preload} if self.preload else {}
        return {**before, "LD_LIBRARY_PATH": self._libraries()}

    def _libraries(self) -> str:
        return ":".join(str(folder) for folder in self.library_path)


@dataclass(frozen=True)
class Engine:
    """A nginx that starts on this machine, its ModSecurity and its rules.

    root: "/" for the system's, else the folder that holds `usr/sbin/nginx`.
    module: the connector, `ngx_http_modsecurity_module.so`.
    unicode_map: `unicode.mapping`, for SecUnicodeMapFile.
    crs: None where no Core Rule Set came with the engine and none was named.
    """

    root: Path
    nginx: Path
    module: Path
    loader: Path | None
    library_path: tuple[Path, ...]
    unicode_map: Path
    crs: InstalledCrs | None
    nginx_version: Version
    modsecurity_version: Version
    connector_version: Version | None

    @property
    def start(self) -> Start:
        """How its nginx is started."""
        return Start(self.nginx, self.loader, self.library_path)

    @property
    def allocator(self) -> Path | None:
        """Its own jemalloc; one of the machine's is not for nginx."""
        return layout.allocator(self.library_path)

    def command(self) -> list[str]:
        """Return the argv that starts this nginx; its own arguments follow."""
        return self.start.command()

    def environment(self) -> dict[str, str]:
        """Return the variables that this nginx needs besides those of the caller."""
        return self.start.environment()
