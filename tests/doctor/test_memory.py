from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from doctor_specs import config_of
from support.tree import boot, with_stub, write_tree

from waf_builder.doctor.memory import check_bodies, check_workers, workers_of
from waf_builder.doctor.result import failed, ok, skipped, warning

SPEC = "backend: {host: 127.0.0.1, port: 3000}\n"
LARGER = "Under load it may be ended for taking too much memory: "
MIB = 1 << 20


def mib(number: int) -> str:
    return str(number * MIB)


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
@pytest.mark.parametrize("memory", ["", "1", mib(255), mib(256), mib(512), mib(1024), mib(8192)])
def test_counts_workers_as_start_waf_does(here, tmp_path, cores, memory):
    tree, programs = with_stub(write_tree(tmp_path / "waf")), tmp_path / "bin"
    programs.mkdir()
    (programs / "nproc").write_text(f"#!/bin/sh\necho {cores}\n")
    (programs / "nproc").chmod(0o755)
    assert boot(tree, PATH=f"{programs}:/usr/bin:/bin", CONTAINER_MEMORY=memory).returncode == 0
    written = (Path(tree) / "runtime/workers.conf").read_text()

    counted = workers_of(config_of(SPEC), replace(here(CONTAINER_MEMORY=memory), cores=cores))

    assert written == f"worker_processes {counted};\n"


def test_a_container_of_the_platform_is_ok(here):
    machine = replace(here(CONTAINER_MEMORY=mib(512)), cores=8)
    assert check_workers(config_of(SPEC), machine) == ok(
        "workers", "4 workers for 8 cores, up to 448 MiB of 512"
    )


def test_without_a_limit_the_need_is_told(here):
    assert check_workers(config_of(SPEC), replace(here(), cores=1)) == ok(
        "workers", "1 worker for 1 core, up to 160 MiB; CONTAINER_MEMORY is not set"
    )


def test_a_container_that_is_too_small(here):
    assert check_workers(config_of(SPEC), here(CONTAINER_MEMORY=mib(128))) == warning(
        "workers",
        "1 worker for 2 cores, up to 160 MiB, and the container has 128",
        f"{LARGER}take a larger container.",
    )


def test_too_many_workers_in_the_spec(here):
    assert check_workers(config_of(SPEC + "workers: 8\n"), here(CONTAINER_MEMORY=mib(512))) == (
        warning(
            "workers",
            "8 workers as the spec says, up to 832 MiB, and the container has 512",
            f"{LARGER}remove `workers` from the spec, or take a larger container.",
        )
    )


@pytest.mark.parametrize("memory", ["512M", "0", "9" * 17])
def test_a_memory_that_is_no_number(here, memory):
    machine = here(CONTAINER_MEMORY=memory)
    assert check_workers(config_of(SPEC), machine) == failed(
        "workers",
        f"CONTAINER_MEMORY is {memory!r}, expected bytes",
        "The platform sets it, so start-waf stops here.",
    )
    assert check_workers(config_of(SPEC + "workers: 2\n"), machine) == warning(
        "workers",
        f"CONTAINER_MEMORY is {memory!r}, expected bytes",
        "So nobody knows whether the memory is enough for the workers.",
    )
    assert check_bodies(config_of(SPEC), machine) == skipped(
        "max_body", "the container's memory is not known"
    )


def test_bodies_of_the_default_size_fit(here):
    assert check_bodies(config_of(SPEC), here(CONTAINER_MEMORY=mib(512))) == ok(
        "max_body", "inspecting one body of 10 MiB may take 220 MiB, so 2 fit at a time"
    )
    assert check_bodies(config_of(SPEC), here()) == ok(
        "max_body", "inspecting one body of 10 MiB may take 220 MiB"
    )


def test_small_bodies_are_told_in_kib(here):
    assert check_bodies(config_of(SPEC + "max_body: 100k\n"), here()) == ok(
        "max_body", "inspecting one body of 100 KiB may take 2200 KiB"
    )


def test_a_body_that_needs_more_than_there_is(here):
    spec = SPEC + "max_body: 1m\nroutes: [{path: /}, {path: /up, max_body: 70m}]\n"
    assert check_bodies(config_of(spec), here(CONTAINER_MEMORY=mib(256))) == warning(
        "max_body",
        "inspecting one body of 70 MiB may take 1540 MiB, and the container has 256 MiB",
        "A body is held in memory while it is inspected. Lower max_body, set it on the one route\n"
        "that needs it with `waf: {mode: off}` there, or take a larger container.",
    )


def test_bodies_that_nobody_inspects_cost_nothing(here):
    spec = SPEC + (
        'max_body: 1m\nroutes: [{path: /}, {path: /up, max_body: 70m, waf: {mode: "off"}}]\n'
    )
    assert check_bodies(config_of(spec), here()).seen == (
        "inspecting one body of 1 MiB may take 22 MiB"
    )
    assert check_bodies(config_of(SPEC + 'waf: {mode: "off"}\n'), here()) == skipped(
        "max_body", "no route inspects requests"
    )
