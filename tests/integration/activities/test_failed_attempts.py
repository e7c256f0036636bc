"""Record failed attempts in a real PostgreSQL."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failed_attempts import MAX_KEPT, FailedAttempts, FailureLedger
from activities.interceptor import ActivityInterceptor
from domain.errors import ErrorCode, Refused
from kit.pool import Pool, create_pool
from providers.errors import ProviderRefused, ProviderUnavailable

REFUSED = Refused(ErrorCode.OUT_OF_STOCK, "sku mug is short", ("lines", "0"))
UNAVAILABLE = ProviderUnavailable("carrier", "create_shipment", "timeout")
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
MANY = """
    INSERT INTO journal.failed_attempts (order_id, step, number, code, message, failed_at)
    SELECT 'o1', $1, number, 'ERROR', 'it failed', now() FROM generate_series(1, $2) AS number
"""
CARD_REFUSED = ProviderRefused("payments", "capture", "charge_expired", 402)


class _Work(ActivityInboundInterceptor):
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401, ARG002 - the SDK's
        if self._error is not None:
            raise self._error
        return "done"


async def attempt(
    error: Exception | None,
    ledger: FailureLedger | None,
    activity_type: str = "capture",
    workflow_id: str = "order-o1",
) -> object:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        activity_type=activity_type,
        workflow_id=workflow_id,
        started_time=STARTED_AT,
    )
    conduct = ActivityInterceptor(ledger).intercept_activity(_Work(error))
    asked = ExecuteActivityInput(fn=attempt, args=[], executor=None, headers={})
    return await environment.run(conduct.execute_activity, asked)


async def noted(pool: Pool) -> list[tuple[str, str, int, str, str]]:
    rows = await pool.fetch(
        "SELECT order_id, step, number, code, message"
        " FROM journal.failed_attempts ORDER BY step, number"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("error", "raised", "code", "message"),
    [
        (REFUSED, ApplicationError, "OUT_OF_STOCK", "sku mug is short"),
        (
            CARD_REFUSED,
            ApplicationError,
            "PROVIDER_REFUSED",
            "payments capture: refused with charge_expired (HTTP 402); change the request",
        ),
        (
            UNAVAILABLE,
            ProviderUnavailable,
            "PROVIDER_UNAVAILABLE",
            "carrier create_shipment: timeout; the outcome is unknown: find it before trying again",
        ),
        (
            ValueError("Ada, 1 Mill Lane"),
            ValueError,
            "ValueError",
            "an unexpected error; see the worker's log",
        ),
    ],
)
async def test_a_failed_attempt_is_recorded_with_a_safe_message(
    pool: Pool, error: Exception, raised: type[Exception], code: str, message: str
) -> None:
    with pytest.raises(raised):
        await attempt(error, FailedAttempts(pool))

    assert await noted(pool) == [("o1", "capture", 1, code, message)]


async def test_each_failure_is_kept_with_its_number_and_its_times(pool: Pool) -> None:
    ledger = FailedAttempts(pool)
    for error in (UNAVAILABLE, UNAVAILABLE, CARD_REFUSED):
        with pytest.raises((ProviderUnavailable, ApplicationError)):
            await attempt(error, ledger)
    await attempt(None, ledger)

    assert [(number, code) for _, _, number, code, _ in await noted(pool)] == [
        (1, "PROVIDER_UNAVAILABLE"),
        (2, "PROVIDER_UNAVAILABLE"),
        (3, "PROVIDER_REFUSED"),
    ]
    times = await pool.fetch("SELECT DISTINCT started_at FROM journal.failed_attempts")
    assert [row["started_at"] for row in times] == [STARTED_AT]


async def test_the_newest_failures_of_each_step_are_kept_under_their_numbers(pool: Pool) -> None:
    ledger = FailedAttempts(pool)
    for step in ("capture", "give_back"):
        await pool.execute(MANY, step, MAX_KEPT)
    with pytest.raises(ProviderUnavailable):
        await attempt(UNAVAILABLE, ledger)

    kept = [(step, number) for _, step, number, _, _ in await noted(pool)]
    assert kept == [
        *(("capture", number) for number in range(2, MAX_KEPT + 2)),
        *(("give_back", number) for number in range(1, MAX_KEPT + 1)),
    ]


@pytest.mark.parametrize(
    ("activity_type", "workflow_id", "step"),
    [
        ("authorize_again", "payment-o1", "authorize"),
        ("look_up", "payment-o1", "await_payment"),
        ("track", "order-o1", "track"),
        ("collect_return", "return-o1", "collect_return"),
        ("give_back", "order-o1", "give_back"),
        ("stop_parcel", "order-o1", "ask_again"),
        ("end_hold", "order-o1", "ask_again"),
    ],
)
async def test_an_attempt_is_recorded_under_its_step(
    pool: Pool, activity_type: str, workflow_id: str, step: str
) -> None:
    with pytest.raises(ProviderUnavailable):
        await attempt(UNAVAILABLE, FailedAttempts(pool), activity_type, workflow_id)

    assert [(order_id, noted_step) for order_id, noted_step, *_ in await noted(pool)] == [
        ("o1", step)
    ]


@pytest.mark.parametrize(
    ("activity_type", "workflow_id"),
    [
        ("run_command", "command-ReceiveStock-1"),
        ("request_cancellation", "order-o1"),
        ("park", "order-o1"),
    ],
)
async def test_a_failure_outside_a_step_is_not_recorded(
    pool: Pool, activity_type: str, workflow_id: str
) -> None:
    with pytest.raises(ApplicationError):
        await attempt(REFUSED, FailedAttempts(pool), activity_type, workflow_id)

    assert await noted(pool) == []


async def test_a_failed_record_of_an_attempt_leaves_its_error_unchanged(
    database_url: str, pool: Pool
) -> None:
    closed = await create_pool(database_url)
    await closed.close()

    with pytest.raises(ApplicationError) as caught:
        await attempt(REFUSED, FailedAttempts(closed))

    assert (caught.value.type, caught.value.non_retryable) == ("OUT_OF_STOCK", True)
    assert await noted(pool) == []


async def test_only_temporal_gets_a_failure_without_a_ledger() -> None:
    with pytest.raises(ApplicationError):
        await attempt(REFUSED, None)
