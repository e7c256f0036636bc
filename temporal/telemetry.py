"""Set up what the Temporal SDK tells of itself: its log, and its metrics."""

from __future__ import annotations

import logging
import socket
from typing import Final

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from temporal.leaving import HEARTBEAT

_QUIET: Final = TelemetryFilter(core_level="ERROR", other_level="ERROR")
"""The SDK logs its own retries: a role logs in one line that Temporal does not answer."""
MAX_TRIES: Final = 5


def set_up_sdk(*, with_metrics: bool) -> str | None:
    """Set the SDK's runtime for this process; return the URL of its metrics, if it has any.

    The SDK serves its metrics itself, on loopback. It takes no socket that listens already, so
    another process may take the port first: then the next one is tried.
    """
    own = LogForwardingConfig(logging.getLogger("temporalio.core"))
    log = LoggingConfig(_QUIET, forwarding=own)
    if not with_metrics:
        Runtime.set_default(_runtime(TelemetryConfig(logging=log)))
        return None
    for tries_left in reversed(range(MAX_TRIES)):
        address = f"127.0.0.1:{_free_port()}"
        metrics = PrometheusConfig(
            address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        try:
            runtime = _runtime(TelemetryConfig(logging=log, metrics=metrics))
        except RuntimeError:
            if not tries_left:
                raise
            continue
        Runtime.set_default(runtime)
        return f"http://{address}/metrics"
    raise AssertionError("unreachable")


def _runtime(telemetry: TelemetryConfig) -> Runtime:
    return Runtime(telemetry=telemetry, worker_heartbeat_interval=HEARTBEAT)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port
