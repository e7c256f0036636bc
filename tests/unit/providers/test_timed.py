"""Each call to a provider is counted by how it ended."""

from __future__ import annotations

import asyncio

import pytest

from observability.work import PROVIDER_SECONDS
from providers.errors import ProviderRefused, ProviderUnavailable
from providers.http import timed

OUTCOMES = ("ok", "refused", "unavailable")


def counts(operation: str) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for metric in PROVIDER_SECONDS.collect()
        for sample in metric.samples
        if sample.name.endswith("_count") and sample.labels["operation"] == operation
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (ProviderRefused("carrier", "tested", "no", 400), "refused"),
        (ProviderUnavailable("carrier", "tested", "timeout"), "unavailable"),
        (RuntimeError("a bug"), "unavailable"),
    ],
)
def test_a_call_is_counted_by_its_end(error: Exception | None, outcome: str) -> None:
    def call() -> None:
        with timed("carrier", f"tested {error}"):
            if error is not None:
                raise error

    if error is None:
        call()
    else:
        with pytest.raises(type(error)):
            call()
    assert counts(f"tested {error}") == {outcome: 1}


def test_a_cancelled_call_is_not_counted() -> None:
    with pytest.raises(asyncio.CancelledError), timed("carrier", "tested cancelled"):
        raise asyncio.CancelledError
    assert counts("tested cancelled") == {}
