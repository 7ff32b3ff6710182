"""One deploy: the app, the cache, and what the platform says about them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from waf_builder.errors import WafBuilderError

_NETWORK = ("http_proxy", "https_proxy", "no_proxy")
_INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT")
_OWN = ("STACK", *_NETWORK, *(name.upper() for name in _NETWORK), *_INDEX)
"""What is read for the deploy itself, from the app's variables or from the build's own."""


class DeployError(WafBuilderError):
    """Why the deploy stops: paragraphs that say what, why, and how to mend it."""


class AppVariables(Mapping[str, str]):
    """The app's variables, a file each; one that nobody asks for is never opened."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        if self._folder is None or not name.isidentifier():
            raise KeyError(name)
        try:
            text = (self._folder / name).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            raise KeyError(name) from None
        return text.removesuffix("\n")

    def __iter__(self) -> Iterator[str]:
        if self._folder is None or not self._folder.is_dir():
            return iter(())
        return (path.name for path in sorted(self._folder.iterdir()) if path.name.isidentifier())

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Deploy:
    """Where one deploy takes place.

    app: the folder of the app, absolute; after the build it is moved elsewhere.
    cache: a folder of our own that the next deploy finds again, absolute.
    app_variables: what the app's owner set, for the spec.
    """

    app: Path
    cache: Path
    app_variables: Mapping[str, str]

    @classmethod
    def of(cls, build: Path, cache: Path, env: Path | None) -> Deploy:
        """Return the deploy that a platform asks for; DeployError when it cannot be."""
        if not build.is_dir():
            raise DeployError(f"There is no folder {build}, expected the app.")
        own = cache / "waf-builder"
        try:
            own.mkdir(parents=True, exist_ok=True)
            if not os.access(own, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise DeployError(
                f"The cache folder cannot be written: {error.strerror}.\n\n  {cache}\n\n"
                "The engine and its libraries are kept there between deploys."
            ) from error
        return cls(build.resolve(), own.resolve(), AppVariables(env and env.resolve()))

    def setting(self, name: str) -> str | None:
        """Return a setting of the deploy itself; the app's own comes first, empty is unset."""
        return self.app_variables.get(name) or os.environ.get(name) or None

    @property
    def stack(self) -> str:
        """The platform's name for the system that the app runs on, such as `scalingo-26`."""
        from waf_builder.engine.store import codename

        return self.setting("STACK") or codename()

    def variables(self) -> dict[str, str]:
        """Return what the programs that the deploy starts must know."""
        known = {name: self.setting(name) for name in _OWN}
        return {
            **{name: value for name, value in known.items() if value is not None},
            "WAF_BUILDER_CACHE": str(self.cache),
        }
