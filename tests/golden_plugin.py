"""`pytest --update-golden` writes what golden tests expect anew; then read the diff."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what golden tests expect anew, instead of comparing",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether to write what is expected instead of comparing with it."""
    return bool(request.config.getoption("--update-golden"))
