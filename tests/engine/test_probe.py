from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from waf_builder.engine import layout
from waf_builder.engine.model import Start
from waf_builder.engine.probe import probe
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from waf_builder.engine.model import Engine


def start_of(root: Path) -> Start:
    return Start(root / layout.NGINX, layout.loader(root), layout.library_path(root))


def no_programs(*_arguments: object, **_options: object) -> None:
    raise AssertionError("a program was started")


@pytest.mark.nginx
def test_the_programs_say_what_they_are(engine: Engine, cache: Path) -> None:
    facts = probe(engine.root, engine.start)
    assert facts.nginx >= Version(1, 22, 0)
    assert facts.modsecurity >= Version(3, 0, 9)
    assert facts.connector is not None
    assert facts.connector >= Version(1, 0, 3)
    assert facts.module == engine.root / "usr/lib/nginx/modules/ngx_http_modsecurity_module.so"


@pytest.mark.nginx
def test_the_answer_is_remembered(
    engine: Engine, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = probe(engine.root, engine.start)
    monkeypatch.setattr(subprocess, "run", no_programs)
    assert probe(engine.root, engine.start) == first


@pytest.mark.nginx
@pytest.mark.parametrize("part", ["nginx", "module", "library"])
def test_a_part_that_changes_is_asked_again(
    copied: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    start = start_of(copied)
    module = probe(copied, start).module
    library = next(copied.glob("usr/lib/*/libmodsecurity.so.3"))
    os.utime({"nginx": start.nginx, "module": module, "library": library}[part], ns=(1, 1))
    monkeypatch.setattr(subprocess, "run", no_programs)
    with pytest.raises(AssertionError, match="a program was started"):
        probe(copied, start)


@pytest.mark.nginx
@pytest.mark.parametrize("memory", ["", "{", "[]", '{"command": 1}', "null"])
def test_a_broken_memory_is_asked_again(engine: Engine, cache: Path, memory: str) -> None:
    first = probe(engine.root, engine.start)
    (entry,) = (cache / "probe").iterdir()
    entry.write_text(memory)
    assert probe(engine.root, engine.start) == first


@pytest.mark.nginx
def test_a_cache_that_cannot_be_written_costs_only_time(engine: Engine, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert probe(engine.root, engine.start).nginx == engine.nginx_version


@pytest.mark.nginx
def test_the_library_counts_and_not_what_the_connector_was_built_with(
    copied: Path, engine: Engine, cache: Path
) -> None:
    library = next(copied.glob("usr/lib/*/libmodsecurity.so.3"))
    said = f"ModSecurity v{engine.modsecurity_version} (".encode()
    text = library.read_bytes()
    assert text.count(said) == 1
    library.write_bytes(text.replace(said, b"ModSecurity v3.9.9 (".ljust(len(said), b"(")))
    assert probe(copied, start_of(copied)).modsecurity == Version(3, 9, 9)


@pytest.mark.nginx
def test_without_the_module(copied: Path, cache: Path) -> None:
    module = copied / "usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
    module.unlink()
    with pytest.raises(EngineError) as caught:
        probe(copied, start_of(copied))
    assert str(caught.value) == (
        f"{copied}/usr/sbin/nginx has no ModSecurity: {module} is not there\n"
        "    On Debian and Ubuntu the package is libnginx-mod-http-modsecurity."
    )


@pytest.mark.nginx
def test_without_libmodsecurity(copied: Path, cache: Path) -> None:
    next(copied.glob("usr/lib/*/libmodsecurity.so.3")).unlink()
    with pytest.raises(EngineError) as caught:
        probe(copied, start_of(copied))
    message = str(caught.value)
    assert message.startswith(
        f"{copied}/usr/sbin/nginx does not start with ngx_http_modsecurity_module.so: dlopen() "
    )
    assert (
        "(libmodsecurity.so.3: cannot open shared object file: No such file or directory)\n"
        in message
    )


@pytest.mark.nginx
def test_a_module_of_another_nginx(
    copied: Path, engine: Engine, engine_old: Engine, engine_new: Engine, cache: Path
) -> None:
    other = engine_old if engine == engine_new else engine_new
    module = copied / "usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
    module.write_bytes(other.module.read_bytes())
    with pytest.raises(EngineError) as caught:
        probe(copied, start_of(copied))
    assert f"{copied}/usr/sbin/nginx does not start with {layout.MODULE}: " in str(caught.value)
    assert str(caught.value).endswith(
        "\n    nginx, the module and libmodsecurity must come from the same release of the same"
        " distribution."
    )


def test_something_else_than_nginx(program: Callable[[str, str], Path], cache: Path) -> None:
    other = program("nginx", "echo 'no such option' >&2; exit 2")
    with pytest.raises(EngineError) as caught:
        probe(other.parent, Start(other))
    assert str(caught.value) == f"{other} is not an nginx that starts here: no such option"


def test_a_file_that_cannot_be_run(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "nginx"
    file.touch()
    with pytest.raises(EngineError, match=rf"^{file} does not start: .*Permission denied"):
        probe(tmp_path, Start(file))


@pytest.mark.parametrize(
    ("configured", "module"),
    [
        ("--modules-path=/opt/modules", "opt/modules"),
        ("--prefix=/opt/nginx", "opt/nginx/modules"),
        ("", "usr/local/nginx/modules"),
    ],
)
def test_modules_are_looked_for_where_nginx_was_told(
    program: Callable[[str, str], Path], cache: Path, configured: str, module: str
) -> None:
    nginx = program(
        "nginx", f"echo 'nginx version: nginx/1.30.0'; echo 'configure arguments: {configured}'"
    )
    nginx.write_text(nginx.read_text().replace("#!/bin/sh", "#!/bin/sh\nexec >&2"))
    root = nginx.parent
    with pytest.raises(EngineError, match=f"{root}/{module}/{layout.MODULE} is not there"):
        probe(root, Start(nginx))
