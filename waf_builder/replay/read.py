"""The traffic in files, whatever each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from waf_builder.replay.files import Advance, is_har, lines, opened, shown
from waf_builder.replay.har import from_har
from waf_builder.replay.logs import from_logs
from waf_builder.replay.seen import Seen, Skipped


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
