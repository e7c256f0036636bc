"""Record failed attempts in a real PostgreSQL."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failed_attempts import (
    MAX_KEPT,
    FailedAttempts,
    FailureLedger,
    ParkedAttempt,
)
from activities.interceptor import ActivityInterceptor
from activities.types.parking import ParkInput
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
            ApplicationError,
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
        with pytest.raises(ApplicationError):
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
    with pytest.raises(ApplicationError):
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
    with pytest.raises(ApplicationError):
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


async def test_a_provider_without_an_answer_is_named_and_asked_again(pool: Pool) -> None:
    with pytest.raises(ApplicationError) as failure:
        await attempt(UNAVAILABLE, FailedAttempts(pool))

    assert (failure.value.type, failure.value.message) == ("PROVIDER_UNAVAILABLE", str(UNAVAILABLE))
    assert failure.value.non_retryable is False


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def parked_attempt(parking: int = 1, *, minute: int, code: str = "NO_ANSWER") -> ParkedAttempt:
    failed_at = NOON + timedelta(minutes=minute)
    retry_at = failed_at + timedelta(hours=1)
    return ParkedAttempt("o1", "capture", parking, code, "no answer", failed_at, retry_at)


async def parked_attempts(pool: Pool) -> list[tuple[int, int, str, datetime, datetime]]:
    rows = await pool.fetch(
        "SELECT parking, count, code, failed_at, retry_at FROM journal.parked_attempt"
    )
    return [tuple(row) for row in rows]


async def test_the_failures_of_a_parked_step_are_counted_and_the_latest_is_kept(
    pool: Pool,
) -> None:
    ledger = FailedAttempts(pool)
    for each in (parked_attempt(minute=0), parked_attempt(minute=5, code="OVERDUE")):
        await ledger.note_parked(each)

    minute_5 = NOON + timedelta(minutes=5)
    assert await parked_attempts(pool) == [
        (1, 2, "OVERDUE", minute_5, minute_5 + timedelta(hours=1))
    ]


async def test_a_failure_of_a_parked_step_that_is_recorded_twice_counts_once(pool: Pool) -> None:
    ledger = FailedAttempts(pool)
    for _ in range(2):
        await ledger.note_parked(parked_attempt(minute=0))

    assert [count for _, count, *_ in await parked_attempts(pool)] == [1]


async def test_another_parking_of_the_step_is_counted_from_one(pool: Pool) -> None:
    ledger = FailedAttempts(pool)
    for number, minute in ((1, 0), (1, 5), (2, 9)):
        await ledger.note_parked(parked_attempt(number, minute=minute))

    assert [row[:2] for row in await parked_attempts(pool)] == [(2, 1)]


async def test_a_parked_step_that_waits_for_an_operator_has_no_next_retry(pool: Pool) -> None:
    refused = ParkInput("o1", "capture", False, "PROVIDER_REFUSED", "refused", failed_at=NOON)

    await FailedAttempts(pool).note_parked(ParkedAttempt.of(refused, 1))

    assert [row[-1] for row in await parked_attempts(pool)] == [None]
