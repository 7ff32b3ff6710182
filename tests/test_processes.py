"""The processes of a run: what belongs together stays in one."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="all is in one process")
def test_a_group_reaches_the_one_that_hands_out_tests(request: pytest.FixtureRequest):
    """It did not for a while, and each process booted every WAF."""
    assert request.node.nodeid.endswith("@together")
