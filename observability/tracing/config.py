"""Read the standard variables of OpenTelemetry that choose whether and how spans are exported.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

The SDK reads the others (endpoint, headers, time-outs, resource, batches) from the environment by
itself. It only warns of a name that it does not know; here such a name ends the process at its
start.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from settings import SettingsError

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
TRACES_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
SAMPLER: Final = "OTEL_TRACES_SAMPLER"
SAMPLER_ARG: Final = "OTEL_TRACES_SAMPLER_ARG"
DISABLED: Final = "OTEL_SDK_DISABLED"

NONE: Final = "none"
OTLP: Final = "otlp"
GRPC: Final = "grpc"
HTTP: Final = "http/protobuf"

_BY_PARENT: Final = "parentbased_"
_BY_RATIO: Final = "traceidratio"
_SAMPLERS: Final = (
    *("always_on", "always_off", _BY_RATIO),
    *("parentbased_always_on", "parentbased_always_off", f"{_BY_PARENT}{_BY_RATIO}"),
)
_POSITIVE: Final = (
    *("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    *("OTEL_BSP_EXPORT_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"),
)
"""The SDK fails on a wrong one only when it makes its exporter."""


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """How spans are exported."""

    protocol: str
    ratio: float
    """The share of the new traces that are recorded."""
    is_by_parent: bool
    """A span is recorded if the one above it is."""


def tracing_config(environment: Mapping[str, str]) -> TracingConfig | None:
    """Return None if spans are not exported, which is the default. Raises SettingsError."""
    exporter = _chosen(environment, EXPORTER, NONE, (NONE, OTLP))
    protocol = _chosen(environment, PROTOCOL, HTTP, (GRPC, HTTP))
    protocol = _chosen(environment, TRACES_PROTOCOL, protocol, (GRPC, HTTP))
    sampler = _chosen(environment, SAMPLER, "parentbased_always_on", _SAMPLERS)
    ratio = _ratio(environment, sampler)
    for name in _POSITIVE:
        _require_positive(environment, name)
    if exporter == NONE or environment.get(DISABLED, "").strip().lower() == "true":
        return None
    return TracingConfig(protocol, ratio, sampler.startswith(_BY_PARENT))


def _chosen(
    environment: Mapping[str, str], name: str, default: str, allowed: Collection[str]
) -> str:
    value = environment.get(name, "").strip().lower() or default
    if value not in allowed:
        raise SettingsError(f"{name}: {value!r} is unknown; allowed are {', '.join(allowed)}")
    return value


def _ratio(environment: Mapping[str, str], sampler: str) -> float:
    if not sampler.endswith(_BY_RATIO):
        return float(sampler.endswith("always_on"))
    text = environment.get(SAMPLER_ARG, "").strip() or "1"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingsError(f"{SAMPLER_ARG}: {text!r} is not allowed; give a number from 0 to 1")
    return ratio


def _require_positive(environment: Mapping[str, str], name: str) -> None:
    text = environment.get(name, "").strip()
    if not text:
        return
    try:
        is_positive = float(text) > 0
    except ValueError:
        is_positive = False
    if not is_positive:
        raise SettingsError(f"{name}: {text!r} is not allowed; give a number above 0")
