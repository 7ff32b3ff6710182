from __future__ import annotations

import re
import resource

import pytest
from doctor_specs import config_of

from waf_builder.doctor.limits import CONNECTIONS, check_files, check_processes, files_limit
from waf_builder.doctor.result import failed, ok, skipped, warning
from waf_builder.paths import builtin_templates

CONFIG = config_of("{backend: {host: 127.0.0.1, port: 3000}, workers: 2}")


def test_the_number_of_connections_is_the_template_s():
    text = (builtin_templates() / "nginx.conf.j2").read_text()
    assert re.findall(r"worker_connections (\d+);", text) == [str(CONNECTIONS)]


def test_enough_files():
    assert check_files(2048) == ok("open files", "2048")
    assert check_files(resource.RLIM_INFINITY) == ok("open files", "no limit")


def test_too_few_files():
    assert check_files(1024) == warning(
        "open files",
        "1024, and a worker takes 2048 connections",
        "Connections fail beyond that. Raise the limit: ulimit -n 2048",
    )


def test_the_limit_is_that_of_this_process():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert files_limit() == soft - 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("folder", ["", "pids"])
def test_enough_processes(here, folder):
    machine = here()
    (machine.cgroup / folder).mkdir(parents=True)
    (machine.cgroup / folder / "pids.max").write_text("128\n")
    (machine.cgroup / folder / "pids.current").write_text("5\n")
    assert check_processes(CONFIG, machine) == ok("processes", "6 are needed, 123 of 128 are left")


def test_too_few_processes(here):
    machine = here()
    machine.cgroup.mkdir()
    (machine.cgroup / "pids.max").write_text("10\n")
    (machine.cgroup / "pids.current").write_text("6\n")
    assert check_processes(CONFIG, machine) == failed(
        "processes",
        "6 are needed, 4 of 10 are left",
        "nginx cannot start its workers. End other processes, or take a larger container.",
    )


@pytest.mark.parametrize("text", [None, "max\n", "rubbish"])
def test_no_limit(here, text):
    machine = here()
    if text:
        machine.cgroup.mkdir()
        (machine.cgroup / "pids.max").write_text(text)
    assert check_processes(CONFIG, machine) == skipped(
        "processes", "the container has no limit that can be seen"
    )
