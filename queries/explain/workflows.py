"""The Temporal workflows of an order, and their states while Temporal answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from kit.faults import one_line

ANSWER_TIMEOUT: Final = timedelta(seconds=1)
UNKNOWN: Final = "UNKNOWN"
"""Temporal does not answer."""
NOT_FOUND: Final = "NOT_FOUND"
"""Temporal has no such workflow: it is lost, or Temporal no longer keeps it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    workflow_id: str
    status: str
    """The status of the last run in Temporal's words, or UNKNOWN, or NOT_FOUND."""
    url: str | None
    """The page of Temporal's Web UI, where the settings name its origin."""


class WorkflowRuns:
    def __init__(self, client: Client, ui_origin: str) -> None:
        self._client = client
        self._ui_origin = ui_origin

    async def of(self, workflow_ids: Sequence[str]) -> list[WorkflowRun]:
        """Ask Temporal about all of them at once, for at most ANSWER_TIMEOUT. Never raises."""
        statuses = await asyncio.gather(*(self._status(each) for each in workflow_ids))
        return [
            WorkflowRun(workflow_id, status, self._url(workflow_id))
            for workflow_id, status in zip(workflow_ids, statuses, strict=True)
        ]

    async def _status(self, workflow_id: str) -> str:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                handle = self._client.get_workflow_handle(workflow_id)
                described = await handle.describe(rpc_timeout=ANSWER_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - the order explains itself without Temporal
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return NOT_FOUND
            logger.warning("the status of a workflow is unknown: %s", one_line(error))
            return UNKNOWN
        return described.status.name if described.status is not None else UNKNOWN

    def _url(self, workflow_id: str) -> str | None:
        if not self._ui_origin:
            return None
        namespace = quote(self._client.namespace, safe="")
        return f"{self._ui_origin}/namespaces/{namespace}/workflows/{quote(workflow_id, safe='')}"
