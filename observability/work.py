"""The work that this process has done, as counters and histograms since its start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from time import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# The start of the process is not worth a series for each counter.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types here

REGISTRY: Final = CollectorRegistry()

COMMANDS: Final = Counter(
    "waybill_commands",
    "The commands that this process has run, by how they ended: accepted, refused by a rule of the"
    " domain, or failed.",
    ["command", "outcome"],
    registry=REGISTRY,
)
SAGAS: Final = Counter(
    "waybill_sagas",
    "The sagas whose last event this process has appended.",
    ["saga", "outcome"],
    registry=REGISTRY,
)
SAGA_SECONDS: Final = Histogram(
    "waybill_saga_seconds",
    "The time from the first event of a saga to its last one.",
    ["saga", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400, 604_800, 2_592_000),
    registry=REGISTRY,
)
EVENT_PROCESSING: Final = Histogram(
    "waybill_event_processing_seconds",
    "The time from the append of an event until a consumer of this process had taken it.",
    ["consumer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
    registry=REGISTRY,
)
GRAPHQL_SECONDS: Final = Histogram(
    "waybill_graphql_seconds",
    "The time until a query or a mutation was answered, by the field that it asks for and how it"
    " ended: ok, refused because of the request, or failed.",
    ["operation", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    registry=REGISTRY,
)
HTTP_SECONDS: Final = Histogram(
    "waybill_http_request_seconds",
    "The time until an HTTP request was answered, by its route and the class of its status.",
    ["route", "status"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 20),
    registry=REGISTRY,
)
CAPTURE_SECONDS: Final = Histogram(
    "waybill_parcel_capture_seconds",
    "The time from the record that a parcel was dispatched until its payment was captured.",
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 3600, 86_400),
    registry=REGISTRY,
)
PROVIDER_SECONDS: Final = Histogram(
    "waybill_provider_call_seconds",
    "The time that a call to a provider took, by how it ended: ok, refused, or unavailable.",
    ["provider", "operation", "outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
BREAKER_OPEN: Final = Gauge(
    "waybill_provider_breaker_open",
    "1 while this process pauses the calls to a provider that is down for everybody, else 0.",
    ["provider"],
    registry=REGISTRY,
)
PAUSED_CALLS: Final = Counter(
    "waybill_provider_paused_calls",
    "The calls that failed while this process paused those to their provider; most were not sent.",
    ["provider"],
    registry=REGISTRY,
)
POOL_CONNECTIONS: Final = Gauge(
    "waybill_pool_connections",
    "The connections of a pool of this process: used, the most that may be used, and the borrowers"
    " that wait for one.",
    ["pool", "state"],
    registry=REGISTRY,
)


def took(consumer: str, recorded_at: Iterable[datetime]) -> None:
    """Note that the consumer has taken events that were recorded at these times."""
    seconds, now = EVENT_PROCESSING.labels(consumer), time()
    for at in recorded_at:
        seconds.observe(max(0.0, now - at.timestamp()))
