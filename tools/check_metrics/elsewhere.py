"""List the metrics of exporters that do not run with the embedded stack.

Their panels and rules are not held against this Prometheus. docker-compose.yml, or the deployment,
runs the exporters.
"""

from __future__ import annotations

from typing import Final

EXPORTERS: Final = {
    "pg_": "postgres_exporter",
    "gnatsd_": "the exporter of NATS",
    "jetstream_": "the exporter of NATS",
    "kafka_": "the exporter of Kafka",
    "service_": "the Temporal server",
    "persistence_": "the Temporal server",
    "approximate_backlog_": "the Temporal server",
    "node_": "node_exporter",
}
"""The exporter of each prefix."""


def exporter_of(metric: str) -> str | None:
    for prefix, exporter in EXPORTERS.items():
        if metric.startswith(prefix):
            return exporter
    return None
