"""Waybill's metrics, by the names that dashboards and alerts rely on."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

REGISTRY: Final = CollectorRegistry()
"""The registry of Waybill's metrics alone, without those that libraries register."""

SAFE_HEAD_AGE: Final = Gauge(
    "waybill_safe_head_age_seconds",
    "The age of the append that holds the log's safe head back; 0 for none.",
    registry=REGISTRY,
)

CHECKPOINTS_ABOVE_HEAD: Final = Gauge(
    "waybill_checkpoints_above_head",
    "The number of checkpoints at a position that the log lost, by a failover or a restore.",
    registry=REGISTRY,
)

PARKED_SAGAS: Final = Gauge(
    "waybill_parked_sagas",
    "The number of sagas that are parked at a step and wait for an operator.",
    registry=REGISTRY,
)

PARKED_SAGA_OLDEST: Final = Gauge(
    "waybill_parked_saga_oldest_seconds",
    "The age of the oldest parking; 0 for none.",
    registry=REGISTRY,
)

SAGA_DISCREPANCIES: Final = Gauge(
    "waybill_saga_discrepancies",
    "The number of orders with a discrepancy between the log and a provider, Temporal or the stock "
    "on hand that no operator has accepted.",
    ["system"],
    registry=REGISTRY,
)

SAGAS_RECOVERED: Final = Gauge(
    "waybill_sagas_recovered",
    "The number of recoveries of sagas without a workflow, since the log began.",
    registry=REGISTRY,
)

UNCHECKED_ORDERS: Final = Gauge(
    "waybill_unchecked_orders",
    "The number of orders whose last comparison with the providers failed.",
    registry=REGISTRY,
)

RECONCILIATION_LAG: Final = Gauge(
    "waybill_reconciliation_lag_seconds",
    "The age of the oldest event not yet compared with the providers' records; 0 for none.",
    registry=REGISTRY,
)

PROJECTION_LAG_SECONDS: Final = Gauge(
    "waybill_projection_lag_seconds",
    "The age of the oldest event that a following projection has still to take; 0 for none.",
    ["projection"],
    registry=REGISTRY,
)

PROJECTION_LAG_EVENTS: Final = Gauge(
    "waybill_projection_lag_events",
    "The number of events that a following projection has still to take, at most 10,000.",
    ["projection"],
    registry=REGISTRY,
)

PROJECTION_PARKED_STREAMS: Final = Gauge(
    "waybill_projection_parked_streams",
    "The number of streams whose events wait because the projection cannot take one of them.",
    ["projection"],
    registry=REGISTRY,
)

PROJECTION_PARKED_OLDEST: Final = Gauge(
    "waybill_projection_parked_oldest_seconds",
    "The age of the oldest parked stream of a projection; 0 for none.",
    ["projection"],
    registry=REGISTRY,
)

DEAD_LETTERS: Final = Gauge(
    "waybill_dead_letters",
    "The number of messages that a consumer group retries, that wait behind them, or that are dead "
    "and wait for an operator.",
    ["group", "state"],
    registry=REGISTRY,
)

DEAD_LETTER_OLDEST: Final = Gauge(
    "waybill_dead_letter_oldest_seconds",
    "The time since the oldest message in a state first failed; 0 while none of them was tried.",
    ["group", "state"],
    registry=REGISTRY,
)

NOTIFICATIONS: Final = Gauge(
    "waybill_notifications",
    "The number of notifications: all to be sent, those that ended in the last hour, and parked.",
    ["channel", "state"],
    registry=REGISTRY,
)

NOTIFICATIONS_LAG: Final = Gauge(
    "waybill_notifications_lag_seconds",
    "The age of the oldest fact that is still to be notified of; 0 for none.",
    ["channel"],
    registry=REGISTRY,
)

OPERATOR_NOTICES: Final = Gauge(
    "waybill_operator_notices",
    "The number of open notices to operators, and of those that none has acknowledged.",
    ["kind", "state"],
    registry=REGISTRY,
)

QUEUE_DEPTH: Final = Gauge(
    "waybill_queue_depth",
    "What waits in a queue: events for the relay (at most 10,000) and for a consumer group, dead"
    " letters, tasks of Temporal for a worker, notifications to be sent.",
    ["queue"],
    registry=REGISTRY,
)

QUEUE_OLDEST: Final = Gauge(
    "waybill_queue_oldest_seconds",
    "The age of what has waited the longest in a queue; 0 for none.",
    ["queue"],
    registry=REGISTRY,
)

REPLICA_LAG: Final = Gauge(
    "waybill_replica_lag_seconds",
    "The time for which the read replica has been behind the primary; 0 for none.",
    registry=REGISTRY,
)

BUS_MISSING_TO: Final = Gauge(
    "waybill_bus_missing_to_position",
    "The event bus has lost the events up to this position; 0 when it lacks none.",
    registry=REGISTRY,
)

BUS_FAULTY: Final = Gauge(
    "waybill_bus_faulty",
    "1 while the event bus accepts no events, or its setup differs from Waybill's needs.",
    registry=REGISTRY,
)

WEBHOOK_ATTEMPTS: Final = Gauge(
    "waybill_webhook_attempts_total",
    "The number of attempts to deliver a webhook, by their outcome, since the first one.",
    ["outcome"],
    registry=REGISTRY,
)

WEBHOOK_OLDEST_FAILING: Final = Gauge(
    "waybill_webhook_oldest_failing_seconds",
    "The time since the first failure of the event that webhooks have failed for longest to "
    "deliver; 0 for none.",
    registry=REGISTRY,
)

WEBHOOKS_GIVEN_UP: Final = Gauge(
    "waybill_webhooks_given_up",
    "The number of webhooks that were disabled because their receiver is gone or has failed.",
    registry=REGISTRY,
)
