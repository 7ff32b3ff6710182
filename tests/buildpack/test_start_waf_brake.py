"""WAF_MODE=detect, the emergency brake: every route only detects, and everybody is told."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import waf as real
from support.backends import Backend, containers
from support.tree import boot, bootable_tree, running, with_stub, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waf_builder.engine.model import Engine

WARNING = (
    "waf: warning: WAF_MODE is 'detect': NOTHING IS BLOCKED, every route only detects;"
    " unset WAF_MODE and restart to block again"
)
ATTACK = "q=1%20UNION%20SELECT%20password%20FROM%20users"

# What start-waf makes of it


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    tree = with_stub(write_tree(tmp_path / "waf"))
    (tree / "boot/brake-rules.conf").write_text("@BRAKE@SecAction\n")
    return tree


def filled(tree: Path) -> str:
    return (tree / "runtime/brake-rules.conf").read_text()


@pytest.mark.parametrize("mode", [None, "", "block"])
def test_without_the_brake_its_lines_are_comments(stub, mode):
    result = boot(stub, WAF_MODE=mode)
    assert (result.returncode, result.stderr) == (0, "")
    assert filled(stub) == "#SecAction\n"


def test_with_the_brake_its_lines_hold_and_it_is_told(stub):
    result = boot(stub, WAF_MODE="detect")
    assert (result.returncode, result.stderr) == (0, f"{WARNING}\n")
    assert filled(stub) == "SecAction\n"


def test_the_brake_holds_for_one_boot(stub):
    boot(stub, WAF_MODE="detect")
    boot(stub)
    assert filled(stub) == "#SecAction\n"


@pytest.mark.parametrize("mode", ["off", "Detect", "detect ", "detect\n", "0", "DetectionOnly"])
def test_any_other_mode_is_an_error(stub, mode):
    result = boot(stub, WAF_MODE=mode)
    shown = mode.replace("\n", "?")
    assert (result.returncode, result.stderr) == (
        1,
        f"waf: error: WAF_MODE is '{shown}', expected block, detect or nothing\n",
    )
    assert not (stub / "runtime").exists()


def test_a_tree_without_a_brake_cannot_pretend_to_have_one(stub):
    (stub / "boot/brake-rules.conf").unlink()
    assert boot(stub, WAF_MODE="block").returncode == 0
    result = boot(stub, WAF_MODE="detect")
    assert result.returncode == 1
    assert result.stderr == (
        "waf: error: WAF_MODE is 'detect', and DIR has no boot/brake-rules.conf, expected a folder"
        " that a newer waf-builder published\n"
    )


@pytest.mark.nginx
def test_the_line_of_the_boot_tells_too(tmp_path, engine_old):
    tree = bootable_tree(tmp_path / "waf", engine_old)
    (tree / "boot/brake-rules.conf").write_text("")
    with running(tree, WAF_MODE="detect", CONTAINER_MEMORY="1") as waf:
        assert waf.said[0] == f"{WARNING}\n"
        assert waf.said[-1].startswith(
            f"waf: listening on 127.0.0.1:{waf.port}, detecting only (WAF_MODE), 1 worker, up to"
        )


# What the engines make of it

SPEC = """\
backend: {{host: {host}, port: {port}}}
workers: 1
waf: {{mode: {mode}}}
routes:
  - path: /
  - path: /block/
    waf: {{mode: block, paranoia_level: 2, inbound_anomaly_threshold: 3}}
  - path: /small/
    max_body: 1k
  - path: /detect/
    waf: {{mode: detect}}
  - path: /off/
    waf: {{mode: "off"}}
"""

OWN_RULE = """\
SecRule REQUEST_HEADERS:X-Own "@streq deny" \\
    "id:10001,phase:1,deny,status:403,log,auditlog,msg:'An own rule of the first phase'"
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with containers() as (backend,):
        yield backend


@pytest.fixture(scope="module")
def shared(engine: Engine) -> Iterator[Path]:
    """A folder that nginx's workers can enter, unlike pytest's; one for each engine."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def blocking(shared: Path, engine: Engine, backend: Backend) -> Path:
    """A tree whose default blocks, with a rule of the user's own."""
    return rendered(shared / "blocking", engine, backend, "block")


@pytest.fixture(scope="module")
def detecting(shared: Path, engine: Engine, backend: Backend) -> Path:
    """A tree whose default detects, where one route blocks."""
    return rendered(shared / "detecting", engine, backend, "detect")


def rendered(folder: Path, engine: Engine, backend: Backend, mode: str) -> Path:
    own = folder / "waf/rules/before-crs"
    own.mkdir(parents=True)
    (own / "own.conf").write_text(OWN_RULE)
    tree = folder / "tree"
    real.render(SPEC.format(host=backend.name, port=backend.port, mode=mode), tree, engine)
    return tree


def braked(tree: Path, mode: str = "detect"):
    return real.running(tree, resolver="127.0.0.1", environment={"WAF_MODE": mode})


@pytest.fixture(scope="module")
def waf(blocking: Path) -> Iterator[real.Waf]:
    """A tree like `blocking`, booted once with the brake pulled."""
    tree = shutil.copytree(blocking, blocking.parent / "braked", symlinks=True)
    with braked(tree) as booted:
        yield booted


@pytest.mark.nginx
@pytest.mark.together
@pytest.mark.parametrize("default", ["blocking", "detecting"])
def test_no_route_blocks_and_each_records(blocking, detecting, default):
    with braked({"blocking": blocking, "detecting": detecting}[default]) as waf:
        for path in ("/", "/block/", "/small/", "/detect/"):
            mark = real.mark()
            assert waf.ask(f"{path}?m={mark}&{ATTACK}").status == 200, path
            assert 942100 in waf.rules(mark), path
            assert waf.access(f'"path":"{path}"')["event.action"] == "detect", path


@pytest.mark.nginx
@pytest.mark.together
def test_an_own_rule_of_the_first_phase_refuses_nothing(waf):
    for path in ("/", "/block/"):
        mark = real.mark()
        assert waf.ask(f"{path}?m={mark}", headers={"X-Own": "deny"}).status == 200
        assert waf.rules(mark) == {10001}


@pytest.mark.nginx
@pytest.mark.together
def test_a_body_that_cannot_be_parsed_is_passed_on_and_recorded(waf, backend):
    for path in ("/", "/block/"):
        mark = real.mark()
        answer = waf.ask(
            f"{path}{mark}",
            method="POST",
            headers={"Content-Type": "application/json"},
            body=b'{"a": ',
        )
        assert answer.status == 200
        assert 200002 in waf.rules(mark)
        assert backend.only(f"{path}{mark}").body == b'{"a": '


@pytest.mark.nginx
@pytest.mark.together
def test_what_nginx_refuses_it_still_refuses(waf):
    assert waf.ask("/small/", method="POST", body=b"x" * 2000).status == 413


@pytest.mark.nginx
@pytest.mark.together
def test_a_route_that_is_off_stays_off(waf):
    mark = real.mark()
    assert waf.ask(f"/off/?m={mark}&{ATTACK}").status == 200
    assert waf.access('"path":"/off/"')["event.action"] == "off"
    assert not waf.has_audit(mark)


@pytest.mark.nginx
@pytest.mark.together
@pytest.mark.parametrize("mode", ["", "block"])
def test_without_the_brake_each_route_keeps_its_mode(blocking, mode):
    with braked(blocking, mode) as waf:
        for path, status, verdict in (
            ("/", 403, "block"),
            ("/block/", 403, "block"),
            ("/detect/", 200, "detect"),
            ("/off/", 200, "off"),
        ):
            assert waf.ask(f"{path}?{ATTACK}").status == status
            assert waf.access(f'"path":"{path}"')["event.action"] == verdict
        assert waf.ask("/?a=b", headers={"X-Own": "deny"}).status == 403
        lines = (blocking / "runtime/brake-rules.conf").read_text().splitlines()
        assert all(line.startswith("#") for line in lines), "nothing that could cost a request time"


@pytest.mark.nginx
@pytest.mark.together
def test_block_makes_nothing_stricter(detecting):
    with braked(detecting, "block") as waf:
        assert waf.ask(f"/?{ATTACK}").status == 200
        assert waf.ask(f"/block/?{ATTACK}").status == 403


@pytest.mark.nginx
@pytest.mark.together
def test_the_brake_is_said_first(waf):
    assert waf.stderr.lines[0] == WARNING
