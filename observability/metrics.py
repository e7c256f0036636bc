"""Waybill's metrics, by the names that dashboards and alerts rely on."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

REGISTRY: Final = CollectorRegistry()
"""Ours alone: nothing that a library registers by itself."""

SAFE_HEAD_AGE: Final = Gauge(
    "waybill_safe_head_age_seconds",
    "How long the append that holds the log's safe head back has been under way; 0 for none.",
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

SAGA_DIFFERENCES: Final = Gauge(
    "waybill_saga_differences",
    "How many orders a provider's book tells otherwise than the log.",
    ["book"],
    registry=REGISTRY,
)
