"""Waybill's metrics, by the names that dashboards and alerts rely on."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

REGISTRY: Final = CollectorRegistry()
"""Ours alone: nothing that a library registers by itself."""

READY: Final = Gauge(
    "waybill_ready",
    "Whether an order can be accepted: 1 or 0, as /readyz answers 200 or 503.",
    registry=REGISTRY,
)

CHECK_PASSING: Final = Gauge(
    "waybill_check_passing",
    "Whether a check of /readyz passes: 1 or 0. Without a required one no order is accepted.",
    ["check", "required"],
    registry=REGISTRY,
)

SAFE_HEAD_AGE: Final = Gauge(
    "waybill_safe_head_age_seconds",
    "How long the append that holds the log's safe head back has been under way; 0 for none.",
    registry=REGISTRY,
)

CHECKPOINTS_ABOVE_HEAD: Final = Gauge(
    "waybill_checkpoints_above_head",
    "How many followers stand at a position that the log lost, by a failover or a restore.",
    registry=REGISTRY,
)

PARKED_SAGAS: Final = Gauge(
    "waybill_parked_sagas",
    "How many sagas have stopped at a step and wait for a person's decision.",
    registry=REGISTRY,
)

PARKED_SAGA_OLDEST: Final = Gauge(
    "waybill_parked_saga_oldest_seconds",
    "How long the step that was parked first has waited; 0 for none.",
    registry=REGISTRY,
)

SAGA_DISCREPANCIES: Final = Gauge(
    "waybill_saga_discrepancies",
    "How many orders another's book (a provider's, or Temporal's) tells otherwise than the log.",
    ["system"],
    registry=REGISTRY,
)

SAGAS_RECOVERED: Final = Gauge(
    "waybill_sagas_recovered",
    "How often a saga that had no workflow any more has been taken up, since the log began.",
    registry=REGISTRY,
)

UNCHECKED_ORDERS: Final = Gauge(
    "waybill_unchecked_orders",
    "How many orders' books could not be read when it was their turn, and have not been since.",
    registry=REGISTRY,
)

RECONCILIATION_LAG: Final = Gauge(
    "waybill_reconciliation_lag_seconds",
    "How old the oldest event is that has not been compared with the providers' books; 0 for none.",
    registry=REGISTRY,
)

BUS_MISSING_TO: Final = Gauge(
    "waybill_bus_missing_to_position",
    "The event bus has lost the events up to this position; 0: it has all that it should have.",
    registry=REGISTRY,
)

BUS_FAULTY: Final = Gauge(
    "waybill_bus_faulty",
    "1 while the event bus takes no events, or is set up otherwise than Waybill needs it.",
    registry=REGISTRY,
)
