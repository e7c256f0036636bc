"""The page of `/metrics` of the API. It queries the database.

A figure is NaN if the database does not answer. The last value or 0 would hide the fault.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from api.context import Services
from kit.faults import one_line
from kit.kept import Kept
from notifications.outbox import State
from notifications.webhooks.outcome import Outcome
from observability import health, pools, work
from observability.check import Check
from observability.metrics import (
    BUS_FAULTY,
    BUS_MISSING_TO,
    CHECKPOINTS_ABOVE_HEAD,
    DEAD_LETTER_OLDEST,
    DEAD_LETTERS,
    NOTIFICATIONS,
    NOTIFICATIONS_LAG,
    OPERATOR_NOTICES,
    PARKED_SAGA_OLDEST,
    PARKED_SAGAS,
    PROJECTION_LAG_EVENTS,
    PROJECTION_LAG_SECONDS,
    PROJECTION_PARKED_OLDEST,
    PROJECTION_PARKED_STREAMS,
    QUEUE_DEPTH,
    QUEUE_OLDEST,
    RECONCILIATION_LAG,
    REGISTRY,
    REPLICA_LAG,
    SAFE_HEAD_AGE,
    SAGA_DISCREPANCIES,
    SAGAS_RECOVERED,
    UNCHECKED_ORDERS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_OLDEST_FAILING,
    WEBHOOKS_GIVEN_UP,
)
from observability.page import KEPT_SECONDS, text_of
from queries.dead_letters import DeadLetterFigures, DeadLetterState
from queries.notifications import NotificationFigures
from queries.projections import ProjectionStatus
from queries.queues import Queue, QueueQueries
from queries.sagas import SagaFigures
from queries.webhooks import WebhookFigures

TIMEOUT_SECONDS: Final = 2.0
OF_THE_DATABASE: Final = (
    SAFE_HEAD_AGE,
    CHECKPOINTS_ABOVE_HEAD,
    PARKED_SAGAS,
    PARKED_SAGA_OLDEST,
    SAGAS_RECOVERED,
    UNCHECKED_ORDERS,
    RECONCILIATION_LAG,
    BUS_MISSING_TO,
    BUS_FAULTY,
    WEBHOOK_OLDEST_FAILING,
    WEBHOOKS_GIVEN_UP,
)

OF_PROJECTIONS: Final = (
    PROJECTION_LAG_SECONDS,
    PROJECTION_LAG_EVENTS,
    PROJECTION_PARKED_STREAMS,
    PROJECTION_PARKED_OLDEST,
)
OF_DEAD_LETTERS: Final = (DEAD_LETTERS, DEAD_LETTER_OLDEST)

logger = logging.getLogger(__name__)


def kept(services: Services, checks: Mapping[str, Check]) -> Kept[bytes]:
    """Render the page at most once a second, so that many scrapes do not load the database."""

    async def page() -> bytes:
        _, stored, queued = await asyncio.gather(
            health.show(checks), _show_database(services), _queues(services.queues)
        )
        _show_queues([*stored, *queued])
        REPLICA_LAG.set(services.replica.watch.lag_seconds if services.replica else 0)
        pools.show()
        return text_of(health.REGISTRY, REGISTRY, work.REGISTRY)

    return Kept(page, KEPT_SECONDS)


async def _show_database(services: Services) -> Sequence[Queue]:
    """Show the figures of the database; return the queues among them."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            age, sagas = await services.log.safe_head_age(), await services.sagas.figures()
            lost = len(await services.log.lost_checkpoints())
            bus = await services.bus.state()
            projections = await services.projections.statuses()
            letters = await services.dead_letters.figures()
            notifications = await services.notifications.figures()
            webhooks = await services.webhooks.figures()
            notices = await services.operator_notices.figures()
    except Exception as error:  # noqa: BLE001 - after any failure the figures are unknown
        logger.warning("metrics: the database does not answer: %s", one_line(error))
        _show_nothing()
        return ()
    else:
        SAFE_HEAD_AGE.set(age)
        CHECKPOINTS_ABOVE_HEAD.set(lost)
        _show(sagas)
        BUS_MISSING_TO.set(bus.missing_to or 0)
        BUS_FAULTY.set(bus.fault is not None)
        for status in projections:
            _show_projection(status)
        _show_dead_letters(letters)
        _show_notifications(notifications)
        _show_webhooks(webhooks)
        for (kind, state), count in notices.items():
            OPERATOR_NOTICES.labels(kind, state).set(count)
        return [_queue_of(letters), *_outboxes(notifications)]


async def _queues(queues: QueueQueries) -> Sequence[Queue]:
    """Return each queue whose server answers: a depth that is unknown is left out."""
    found = await asyncio.gather(*map(_known, (queues.relay, queues.tasks, queues.consumers)))
    return [queue for several in found for queue in several]


def _show_queues(queues: Sequence[Queue]) -> None:
    QUEUE_DEPTH.clear()
    QUEUE_OLDEST.clear()
    for queue in queues:
        QUEUE_DEPTH.labels(queue.name).set(queue.depth)
        if queue.oldest_seconds is not None:
            QUEUE_OLDEST.labels(queue.name).set(queue.oldest_seconds)


def _queue_of(letters: Sequence[DeadLetterFigures]) -> Queue:
    dead = [each for each in letters if each.state is DeadLetterState.DEAD]
    oldest = max((each.oldest_seconds for each in dead), default=0.0)
    return Queue("dead letters", sum(each.letters for each in dead), oldest)


def _outboxes(figures: NotificationFigures) -> Sequence[Queue]:
    return [
        Queue(
            f"outbox {channel}",
            sum(
                figures.counts.get((channel, state), 0) for state in (State.PENDING, State.SENDING)
            ),
            seconds,
        )
        for channel, seconds in figures.lag_seconds.items()
    ]


async def _known(ask: Callable[[], Awaitable[Sequence[Queue]]]) -> Sequence[Queue]:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await ask()
    except Exception as error:  # noqa: BLE001 - its server may fail in any way
        logger.warning("metrics: a queue is not known: %s", one_line(error))
        return ()


def _show_nothing() -> None:
    for gauge in OF_THE_DATABASE:
        gauge.set(math.nan)
    for by_label in (
        SAGA_DISCREPANCIES,
        WEBHOOK_ATTEMPTS,
        *OF_PROJECTIONS,
        *OF_DEAD_LETTERS,
        NOTIFICATIONS,
        NOTIFICATIONS_LAG,
        OPERATOR_NOTICES,
    ):
        by_label.clear()


def _show(sagas: SagaFigures) -> None:
    PARKED_SAGAS.set(sagas.parked)
    PARKED_SAGA_OLDEST.set(sagas.oldest_seconds)
    SAGAS_RECOVERED.set(sagas.recoveries)
    UNCHECKED_ORDERS.set(sagas.unchecked_orders)
    RECONCILIATION_LAG.set(sagas.reconciliation_lag_seconds)
    for system, count in sagas.discrepancies.items():
        SAGA_DISCREPANCIES.labels(system.lower()).set(count)


def _show_notifications(figures: NotificationFigures) -> None:
    NOTIFICATIONS.clear()  # a state without notifications is not among them
    for (channel, state), count in figures.counts.items():
        NOTIFICATIONS.labels(channel, state).set(count)
    for channel, seconds in figures.lag_seconds.items():
        NOTIFICATIONS_LAG.labels(channel).set(seconds)


def _show_projection(status: ProjectionStatus) -> None:
    if status.lag is None:
        return
    PROJECTION_LAG_SECONDS.labels(status.name).set(status.lag.seconds)
    PROJECTION_LAG_EVENTS.labels(status.name).set(status.lag.events)
    PROJECTION_PARKED_STREAMS.labels(status.name).set(len(status.parked))
    PROJECTION_PARKED_OLDEST.labels(status.name).set(status.parked_seconds)


def _show_dead_letters(letters: Sequence[DeadLetterFigures]) -> None:
    for gauge in OF_DEAD_LETTERS:
        gauge.clear()  # a group or a state that has no letters any more
    for each in letters:
        DEAD_LETTERS.labels(each.group, each.state).set(each.letters)
        DEAD_LETTER_OLDEST.labels(each.group, each.state).set(each.oldest_seconds)


def _show_webhooks(figures: WebhookFigures) -> None:
    for outcome in Outcome:
        WEBHOOK_ATTEMPTS.labels(outcome).set(figures.attempts.get(outcome, 0))
    WEBHOOK_OLDEST_FAILING.set(figures.oldest_seconds)
    WEBHOOKS_GIVEN_UP.set(figures.given_up)
