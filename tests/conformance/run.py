"""The tests against a rendered WAF: sent in parallel, each request paired with its record.

Every request comes from a loopback address of its own, which its audit record names. So requests
need not wait for each other, and one that nginx refuses before ModSecurity sees it has no record
of another. One worker writes the records in the order in which requests end; once the marker that
is sent last has its own, every other one is there.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from support import waf as wafs
from support.client import Connection
from support.waf import Waf

from conformance.reflector import reflector
from waf_builder.crs.installed import INITIALIZATION, InstalledCrs
from waf_builder.engine.model import Engine
from waf_builder.suite.ftw import Case, Input, Stage
from waf_builder.suite.verdict import Observed, Record, judge, parse
from waf_builder.suite.wire import encode

SPEC = Path(__file__).parent / "spec"
PARALLEL = 8
PATIENCE = 10.0
SHORT = 2.0
"""Seconds to wait for an answer, and where none is expected."""

_FIRST_CLIENT = ipaddress.IPv4Address("127.1.0.0")
_SETVAR = re.compile(r"setvar:'tx\.(\w+)=([^']*)'")
_PLACE = re.compile(r"@([a-z_]+)@")
_MARKER = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-CRS-Test: %s\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Result:
    """A test, and why it failed or was not run; both are empty when it passed."""

    id: str
    failed: str = ""
    skipped: str = ""


@contextlib.contextmanager
def booted(engine: Engine) -> Iterator[Waf]:
    """Render the tests' spec for an engine and its rules, and boot it with the tests' backend."""
    assert engine.crs
    with tempfile.TemporaryDirectory(prefix="waf-builder-conformance-") as name, reflector() as app:
        # Where root starts nginx, its workers run as nobody.
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(SPEC / "waf", folder / "waf")
        values = {**_defaults(engine.crs), "host": app.name, "port": str(app.port)}
        own = folder / "waf/rules/before-crs/tests.conf"
        own.write_text(_filled(own, values), encoding="utf-8")
        spec = _filled(SPEC / "backend.yaml", values)
        wafs.render(spec, folder / "tree", engine, "--crs", str(engine.crs.folder))
        with wafs.running(folder / "tree", resolver="127.0.0.1") as waf:
            yield waf


def _defaults(crs: InstalledCrs) -> dict[str, str]:
    """Return what the rule set itself gives the variables that waf-builder gives other values."""
    text = (crs.folder / INITIALIZATION).read_text(encoding="utf-8")
    own = dict(_SETVAR.findall(text))
    types = own["allowed_request_content_type"].replace("|", "").split()
    restricted = "restricted_headers" if crs.version.major == 3 else "restricted_headers_basic"
    return {
        "methods": ", ".join(own["allowed_methods"].split()),
        "content_types": ", ".join(types),
        "restricted": restricted,
        "restricted_list": own[restricted],
    }


def _filled(file: Path, values: Mapping[str, str]) -> str:
    text = file.read_text(encoding="utf-8")
    return _PLACE.sub(lambda place: values[place[1]], text)


def run(cases: Sequence[Case], waf: Waf) -> list[Result]:
    """Return what came of the tests, in their order."""
    clients = _clients()
    running = [case for case in cases if not case.skipped]
    sent: dict[str, list[tuple[Stage, Observed, str]]] = {}

    def one(case: Case) -> None:
        sent[case.id] = list(_send_stages(case, waf, clients))

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one, running))
    records = _records(waf)
    failures = {
        case.id: "; ".join(
            reason
            for stage, got, client in sent[case.id]
            if (reason := judge(stage.output, got, records[client]))
        )
        for case in running
    }
    return [Result(case.id, failures.get(case.id, ""), case.skipped) for case in cases]


def _clients() -> Callable[[], str]:
    lock, number = threading.Lock(), 0

    def following() -> str:
        nonlocal number
        with lock:
            number += 1
            return str(_FIRST_CLIENT + number)

    return following


def _send_stages(
    case: Case, waf: Waf, clients: Callable[[], str]
) -> Iterator[tuple[Stage, Observed, str]]:
    location = ""
    for stage in case.stages:
        given = _redirected(stage.input, location) if stage.input.redirected else stage.input
        client = clients()
        patience = SHORT if stage.output.error else PATIENCE
        got = _send(waf, given, client, patience)
        location = got.location
        yield stage, got, client


def _redirected(given: Input, location: str) -> Input:
    parts = urlsplit(urljoin(f"http://localhost{given.uri}", location))
    return replace(given, uri=parts._replace(scheme="", netloc="").geturl() or "/")


def _send(waf: Waf, given: Input, client: str, patience: float) -> Observed:
    try:
        with Connection(waf.address, source=client, timeout=patience) as connection:
            connection.send(encode(given))
            answer = connection.read(given.method.strip())
            status = answer.status
    except (OSError, EOFError, ValueError, IndexError) as error:
        return Observed(None, error=str(error) or type(error).__name__)
    text = (answer.head + answer.body).decode("latin-1")
    return Observed(status, text, location="".join(answer.all("Location")[:1]))


def _records(waf: Waf) -> dict[str, list[Record]]:
    mark = wafs.mark()
    waf.send(_MARKER % mark.encode())
    waf.audit(mark)
    records: dict[str, list[Record]] = defaultdict(list)
    for line in waf.stdout.lines:
        record = parse(line)
        records[record.client].append(record)
    return records
