"""Replay histories, as a worker does with a workflow that it does not remember."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter

from temporal.runner import WORKFLOWS, replayer


async def replay(
    histories: Sequence[WorkflowHistory],
    data_converter: DataConverter,
    workflows: tuple[type[Any], ...] = WORKFLOWS,
) -> None:
    """Raise if a workflow would take another way. One worker, which is slow to start, runs all."""
    await replayer(data_converter, workflows).replay_workflows(_each(histories))


async def _each(histories: Sequence[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history
