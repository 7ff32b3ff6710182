"""One of the two without nginx: libmodsecurity in this process, with a tree's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from waf_builder.inspect.head import Refused, Unclear, read_head
from waf_builder.inspect.library import Library, unwanted
from waf_builder.inspect.location import Locator
from waf_builder.inspect.raw import from_wire
from waf_builder.inspect.request import RequestError
from waf_builder.inspect.routing import Routing
from waf_builder.verify.compare import Verdict
from waf_builder.verify.record import read, recording
from waf_builder.verify.wire import Request

_OFF = "off"
_NONE = "no record"


class LibrarySide:
    """Rules that are asked as a `Side` is; the backend answers each request alike."""

    def __init__(self, library: Library, locator: Locator) -> None:
        self._library, self._locator = library, locator
        self._verdicts: dict[int, Verdict] = {}

    def send(self, request: Request) -> None:
        """Ask the rules."""
        self._verdicts[request.number] = self._verdict(request)

    def receive(self, request: Request) -> None:
        """Do nothing: who asks the library has its answer."""

    def verdicts(self, _last: Request) -> dict[int, Verdict]:
        """Return what was said of each request since this was asked last."""
        said, self._verdicts = self._verdicts, {}
        return said

    def _verdict(self, request: Request) -> Verdict:
        try:
            head = read_head(from_wire(request.data, "request"))
            met = self._locator.locate(head)
        except Refused as refused:
            return Verdict(str(refused.status), (), _NONE)
        except (RequestError, Unclear):
            return Verdict("no answer", (), _NONE)
        route = met.route
        if route is None or met.status or route.mode == _OFF:
            status = met.status or (unwanted(head, route) if route else 0)
            return Verdict(str(status), (), _NONE)
        status, record = self._library.ask(head, route, str(request.number))
        return Verdict(str(status), *(read(record)[1] if record else ((), _NONE)))


@contextmanager
def loaded(
    tree: Mapping[str, str], scores: str, routing: Routing, rule_set: Path, unicode_map: str
) -> Iterator[LibrarySide]:
    """Load a tree's rules; LibraryError where libmodsecurity is not here or does not take them.

    scores: as in `recording`. rule_set: the folder of the Core Rule Set, which an installed tree
    names. unicode_map: the text of `unicode.mapping`.
    """
    library = Library(recording(tree, scores), unicode_map, rule_set)
    with library:
        library.load()
        yield LibrarySide(library, Locator(routing))
