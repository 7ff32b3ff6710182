"""The engine of a deploy, got while pip installs the libraries that the rest of it needs."""

from __future__ import annotations

from waf_builder.deploy.engines import Found, Wish, engine_for
from waf_builder.deploy.log import Log
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.lock.model import FILE
from waf_builder.progress import Progress


class EarlyEngine:
    """What `engine_for` gives and says, kept until it is its turn in the build log."""

    def __init__(self, wish: Wish, log: Log) -> None:
        self._wish = wish
        self._log = log
        self._said: list[str] = []
        self._got: Found | DeployError | None = None

    @classmethod
    def of(cls, deploy: Deploy, log: Log) -> EarlyEngine | None:
        """Return that of a deploy; None for one with a lock, which takes libraries to be read."""
        if (deploy.app / FILE).exists():
            return None
        return cls(Wish.of(deploy), log)

    def get(self) -> None:
        """Get it before its turn; the second time does nothing."""
        if self._got is not None:
            return
        self._log.detail("Getting the engine at the same time")
        try:
            self._got = engine_for(self._wish, self._said.append)
        except DeployError as error:
            self._got = error

    def found(self, progress: Progress) -> Found:
        """Return it, got by now or before; DeployError if there is none.

        progress: gets what is said while it is got, or was.
        """
        if self._got is None:
            return engine_for(self._wish, progress)
        for line in self._said:
            progress(line)
        if isinstance(self._got, DeployError):
            raise self._got
        return self._got
