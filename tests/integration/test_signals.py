"""The end of a WAF: requests in flight are answered, and nothing is left behind."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support.answers import held
from support.client import Connection, Response, exchange, request
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

pytestmark = pytest.mark.nginx


@pytest.fixture
def main_tree(main_waf: Waf, trees: Path) -> Path:
    """A copy of the main WAF's tree, to be booted beside it."""
    copied = trees / mark()
    shutil.copytree(main_waf.tree, copied, symlinks=True)
    shutil.rmtree(copied / "runtime")
    return copied


def programs_in(tree: Path) -> list[str]:
    """Return the programs whose working folder is the tree."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == tree:
                found.append((process / "comm").read_text().strip())
    return found


def refuses(waf: Waf) -> bool:
    """Whether nobody listens any more, a moment after the signal at the latest.

    nginx's processes close the socket one after the other; a connection in between is reset.
    """
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            answer = exchange(waf.address, request())
        except ConnectionRefusedError:
            return True
        except (ConnectionResetError, EOFError):
            continue
        raise AssertionError(f"answered {answer.status} after the signal")
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_requests_in_flight_are_answered(
    main_tree: Path, dns: NameServer, fleet: list[Backend], how: signal.Signals
):
    release = threading.Event()
    path = f"/held/{mark()}"
    fleet[0].on(path, held(release))
    answers: list[Response] = []
    with wafs.running(main_tree, resolver=dns.address) as waf:
        waf.await_backend("/")
        asking = threading.Thread(target=lambda: answers.append(waf.ask(path)))
        asking.start()
        fleet[0].wait_for(path)
        assert len(programs_in(main_tree)) >= 3, "start-waf, nginx and its worker"
        with Connection(waf.address) as idle:
            idle.send(request("/__waf/health"))
            assert idle.read().status == 200
            waf.process.send_signal(how)
            with contextlib.suppress(ConnectionResetError):
                assert idle.stream.to_end() == b"", "an idle connection is closed"
        assert refuses(waf)
        time.sleep(1)  # no event tells that nginx has not cut the request
        assert answers == []
        release.set()
        asking.join(timeout=10)
        assert waf.process.wait(timeout=10) == 0
        waf.stderr.join()
        assert [answer.status for answer in answers] == [200]
        assert waf.access(path)["http.response.status_code"] == 200
        assert programs_in(main_tree) == []


def test_a_second_start_of_the_same_tree_works(main_tree: Path, dns: NameServer):
    for _ in range(2):
        with wafs.running(main_tree, resolver=dns.address) as waf:
            assert waf.ask("/__waf/health").status == 200
            assert waf.stop() == 0
