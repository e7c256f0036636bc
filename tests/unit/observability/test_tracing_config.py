"""The standard variables choose the exporter, its protocol and its sampler, or are refused."""

from __future__ import annotations

import pytest

from observability.tracing.config import TracingConfig, tracing_config
from settings import SettingsError

ON = {"OTEL_TRACES_EXPORTER": "otlp"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": ""},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
        {**ON, "OTEL_SDK_DISABLED": "true"},
        {**ON, "OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_without_an_exporter_no_span_is_exported(environment: dict[str, str]) -> None:
    assert tracing_config(environment) is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, TracingConfig("http/protobuf", 1.0, is_by_parent=True)),
        ({"OTEL_SDK_DISABLED": "false"}, TracingConfig("http/protobuf", 1.0, is_by_parent=True)),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, TracingConfig("grpc", 1.0, is_by_parent=True)),
        (
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            TracingConfig("http/protobuf", 1.0, is_by_parent=True),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
            TracingConfig("http/protobuf", 0.1, is_by_parent=True),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio"},
            TracingConfig("http/protobuf", 1.0, is_by_parent=False),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "always_off"},
            TracingConfig("http/protobuf", 0.0, is_by_parent=False),
        ),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_always_off"},
            TracingConfig("http/protobuf", 0.0, is_by_parent=True),
        ),
    ],
)
def test_the_variables_choose_protocol_and_sampler(
    environment: dict[str, str], expected: TracingConfig
) -> None:
    assert tracing_config({**ON, **environment}) == expected


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("OTEL_TRACES_EXPORTER", "jaeger", "is unknown; allowed are none, otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "is unknown; allowed are grpc, http/protobuf"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "udp",
            "is unknown; allowed are grpc, http/protobuf",
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "jaeger_remote",
            (
                "is unknown; allowed are always_on, always_off, traceidratio,"
                " parentbased_always_on, parentbased_always_off, parentbased_traceidratio"
            ),
        ),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "is not allowed; give a number above 0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "is not allowed; give a number above 0"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    name: str, value: str, advice: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        tracing_config({**ON, name: value})
    assert str(refused.value) == f"{name}: {value!r} {advice}"


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "nan", "half"])
def test_a_ratio_is_from_0_to_1(ratio: str) -> None:
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio}
    with pytest.raises(SettingsError) as refused:
        tracing_config({**ON, **sampler})
    assert str(refused.value) == (
        f"OTEL_TRACES_SAMPLER_ARG: {ratio!r} is not allowed; give a number from 0 to 1"
    )


def test_a_wrong_value_is_refused_while_nothing_is_exported() -> None:
    with pytest.raises(SettingsError):
        tracing_config({"OTEL_TRACES_EXPORTER": "none", "OTEL_TRACES_SAMPLER": "often"})
