"""Export the spans of a process while it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from observability.tracing import spans
from observability.tracing.config import tracing_config


def check_tracing() -> None:
    """Raise SettingsError when a variable of OpenTelemetry is wrong."""
    tracing_config(os.environ)


@asynccontextmanager
async def tracing(service: str) -> AsyncIterator[None]:
    """Export the spans of the work inside, if the environment names an exporter.

    The last spans are sent at the end, for at most `export.LAST_SECONDS`. Raises SettingsError.
    """
    config = tracing_config(os.environ)
    if config is None:
        yield
        return
    from observability.tracing.export import OtlpRecorder  # noqa: PLC0415 - off imports no SDK

    recorder = OtlpRecorder.of(config, service)
    spans.record_with(recorder)
    try:
        yield
    finally:
        spans.record_with(None)
        await asyncio.to_thread(recorder.close)
