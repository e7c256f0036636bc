"""A notice is open for as long as its cause lasts, and there is one for each cause."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound, DiscrepancyResolved
from kit.pool import Pool
from notifications.operators.acknowledging import NoticeAcknowledgements
from notifications.operators.timing import Timing
from projections import status
from projections.analytics.projection import ANALYTICS
from tests.support.letters import store_letter, store_waiting
from tests.support.operator_notices import Operators, park, retry
from tests.support.order_log import OrderLog

FLAP = Timing().flap_window
NOTICES = """
    SELECT key, kind, subject, order_number, detail, closed_at IS NULL AS is_open,
           acknowledged_by, note
    FROM eventstore.operator_notice ORDER BY id
"""
PARK_EVENT = """
    INSERT INTO eventstore.parked_event (projection, position, stream_id, cause, attempts)
    VALUES ($1, $2, $3, $4, 4)
"""


async def notices(pool: Pool) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch(NOTICES)]


async def since(pool: Pool) -> datetime:
    found: datetime = await pool.fetchval("SELECT since FROM eventstore.operator_notice")
    return found


def a_notice(**facts: object) -> dict[str, Any]:
    return {
        "order_number": None,
        "is_open": True,
        "acknowledged_by": None,
        "note": None,
        **facts,
    }


async def test_nothing_needs_an_operator_and_no_notice_is_opened(
    log: OrderLog, silent: Operators
) -> None:
    await log.place("o-1")
    await store_waiting(silent.pool)
    await store_letter(silent.pool, state="retrying", attempts=2)
    await silent.look()
    assert await notices(silent.pool) == []


async def test_a_parked_step_is_a_cause_until_an_operator_intervenes(
    log: OrderLog, silent: Operators
) -> None:
    await log.place("o-1", number="W-ABCDEFGHJK")
    await park(log, "o-1")
    await silent.look()
    await silent.look()

    notice = a_notice(
        key="saga:o-1:capture",
        kind="parked_saga",
        subject="o-1",
        order_number="W-ABCDEFGHJK",
        detail="capture: PROVIDER_REFUSED",
    )
    assert await notices(silent.pool) == [notice]
    parked_at = await silent.pool.fetchval("SELECT parked_at FROM readmodel.parked_step")
    assert await since(silent.pool) == parked_at

    await retry(log, "o-1")
    await silent.look()
    assert await notices(silent.pool) == [notice | {"is_open": False}]


async def test_a_discrepancy_is_a_cause_until_the_records_agree(
    log: OrderLog, silent: Operators
) -> None:
    payment = ReconciledSystem.PAYMENT
    found = DiscrepancyFound(order_id="o-1", system=payment, ours="CAPTURED", theirs="NONE")
    await log.append("saga-o-1", found)
    await silent.look()
    assert await notices(silent.pool) == [
        a_notice(key="discrepancy:o-1:PAYMENT", kind="discrepancy", subject="o-1", detail="PAYMENT")
    ]

    await log.append("saga-o-1", DiscrepancyResolved(order_id="o-1", system=payment))
    await silent.look()
    assert await silent.open() == []


async def test_the_dead_letters_of_a_group_are_one_cause_with_their_number(
    silent: Operators,
) -> None:
    pool = silent.pool
    await store_letter(pool, group="mailer")
    await silent.look()
    await store_letter(pool, group="mailer", key="order-2")
    await store_letter(pool, group="search")
    await silent.look()

    assert [(each["key"], each["detail"]) for each in await notices(pool)] == [
        ("dead-letters:mailer", "2"),
        ("dead-letters:search", "1"),
    ]
    await pool.execute("DELETE FROM eventstore.dead_letter WHERE group_name = 'mailer'")
    await silent.look()
    assert await silent.open() == ["dead-letters:search"]


async def test_a_fault_that_stops_a_projection_is_a_cause_until_it_takes_events(
    silent: Operators,
) -> None:
    async with silent.pool.acquire() as connection:
        fault = "ProjectionStuck: projection analytics cannot take events of 100 streams"
        await status.note_fault(connection, ANALYTICS, fault)
        await silent.look()
        assert await notices(silent.pool) == [
            a_notice(
                key="projection:analytics",
                kind="stopped_projection",
                subject="analytics",
                detail="ProjectionStuck",
            )
        ]
        await status.note_fault(connection, ANALYTICS, None)
    await silent.look()
    assert await silent.open() == []


async def test_the_parked_streams_of_a_follower_are_one_cause(silent: Operators) -> None:
    pool, mails = silent.pool, "notifications.email"
    await pool.execute(PARK_EVENT, ANALYTICS.checkpoint, 7, "order-1", "DataError")
    await pool.execute(PARK_EVENT, ANALYTICS.checkpoint, 8, "order-1", None)
    await pool.execute(PARK_EVENT, ANALYTICS.checkpoint, 9, "order-2", "DataError")
    await pool.execute(PARK_EVENT, mails, 9, "order-2", "UnknownEventType: of a newer build")
    await pool.execute(PARK_EVENT, "projection.analytics.0", 9, "order-2", "DataError")
    await silent.look()

    assert [(each["key"], each["detail"]) for each in await notices(pool)] == [
        ("parked-streams:analytics", "2 (DataError)"),
        ("parked-streams:notifications.email", "1 (UnknownEventType)"),
    ]
    await pool.execute("DELETE FROM eventstore.parked_event WHERE projection = $1", mails)
    await silent.look()
    assert await silent.open() == ["parked-streams:analytics"]


async def test_a_cause_that_returns_later_has_a_new_notice(
    log: OrderLog, silent: Operators
) -> None:
    await park(log, "o-1")
    await silent.look()
    await retry(log, "o-1")
    await silent.look()
    await silent.pass_time(FLAP + timedelta(seconds=1))
    await park(log, "o-1", parking=2)
    await silent.look()

    assert [each["is_open"] for each in await notices(silent.pool)] == [False, True]


async def test_a_cause_that_returns_soon_opens_its_notice_again(
    log: OrderLog, silent: Operators
) -> None:
    await park(log, "o-1")
    await silent.look()
    await retry(log, "o-1")
    await silent.look()
    await silent.pass_time(FLAP - timedelta(minutes=1))
    await park(log, "o-1", parking=2)
    await silent.look()

    assert [each["is_open"] for each in await notices(silent.pool)] == [True]


async def test_an_acknowledgement_ends_with_the_cause_that_it_was_of(
    log: OrderLog, silent: Operators
) -> None:
    await park(log, "o-1")
    await silent.look()
    [notice_id] = [
        row["id"] for row in await silent.pool.fetch("SELECT id FROM eventstore.operator_notice")
    ]
    acknowledgements = NoticeAcknowledgements(silent.pool)
    assert await acknowledgements.acknowledge(notice_id, "operator:ada", "I ask the provider")
    await silent.look()
    [notice] = await notices(silent.pool)
    assert (notice["acknowledged_by"], notice["note"]) == ("operator:ada", "I ask the provider")

    await retry(log, "o-1")
    await silent.look()
    await park(log, "o-1", parking=2)
    await silent.look()
    [notice] = await notices(silent.pool)
    assert (notice["is_open"], notice["acknowledged_by"], notice["note"]) == (True, None, None)


async def test_a_closed_notice_is_deleted_after_a_month_and_an_open_one_never(
    log: OrderLog, operators: Operators
) -> None:
    await park(log, "o-1")
    await park(log, "o-2")
    await operators.settle()
    await retry(log, "o-1")
    await operators.look()
    await operators.pass_time(timedelta(days=31))
    await operators.pool.execute("UPDATE eventstore.operator_message SET created_at = ended_at")
    await operators.prune()

    assert [each["subject"] for each in await notices(operators.pool)] == ["o-2"]
    assert await operators.messages() == []
    said = "SELECT count(*) FROM eventstore.operator_notice_message WHERE occasion = 'opened'"
    assert await operators.pool.fetchval(said) == 2
