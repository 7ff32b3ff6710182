"""The traffic in files, whatever each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from waf_builder.inspect.files import Advance, is_har, lines, opened, shown
from waf_builder.inspect.logline import UNKNOWN_HOST
from waf_builder.replay.har import from_har
from waf_builder.replay.logs import from_logs
from waf_builder.replay.seen import Seen, Skipped


def of_hosts(seen: Iterable[Seen], hosts: Iterable[str], skipped: Skipped) -> Iterator[Seen]:
    """Yield what was sent to one of these hosts; everything where none is named.

    An audit record alone has no host, and is kept.
    """
    wanted = {host.lower() for host in hosts}
    for one in seen:
        name = one.request.host.lower()
        unknown = one.logged and name == UNKNOWN_HOST
        if not wanted or unknown or name in wanted or name.rpartition(":")[0] in wanted:
            yield one
        else:
            skipped.elsewhere += 1


def traffic(
    names: Iterable[str], skipped: Skipped, advance: Advance = lambda _count: None
) -> Iterator[Seen]:
    """Yield the requests in files, one after the other: HAR files, or lines of the WAF's logs.

    `-` is standard input; a file may be packed with gzip. RequestError when one cannot be read.
    """
    for name in names:
        with opened(name, advance) as stream:
            if is_har(name, stream):
                yield from from_har(cast("BinaryIO", stream), shown(name), skipped)
            else:
                yield from from_logs(lines(stream), shown(name), skipped)
