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
