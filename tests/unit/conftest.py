from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The speed of an example depends on the load of the machine, and not on the code.
settings.register_profile(
    "unit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _logging_stays_enabled() -> Iterator[None]:
    """Fail the test that disables logging for all that follow in its process."""
    yield
    assert logging.root.isEnabledFor(logging.CRITICAL)
