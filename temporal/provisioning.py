"""Register in Temporal what the sagas need; a new Temporal database lacks it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType, WorkerVersioningMode
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal.promote import described, set_current
from workflows import search_attributes

logger = logging.getLogger(__name__)

SECONDS_TO_APPEAR: Final = 5.0
"""The workers of another build, if there are any, have registered with Temporal by then."""

_FORBIDDEN: Final = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}


async def register_search_attributes(client: Client) -> None:
    """Register the missing search attributes: Temporal rejects a start with an unknown one.

    Where workers may not register them, as in Temporal Cloud, the operator of the namespace does
    it.
    """
    try:
        missing = await _missing(client)
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
            logger.info("search attributes registered: %s", ", ".join(missing))
    except RPCError as error:
        if error.status not in _FORBIDDEN:
            raise
        logger.debug("workers may not register search attributes: %s", error)


async def _missing(client: Client) -> dict[str, IndexedValueType.ValueType]:
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {
        key.name: IndexedValueType.ValueType(key.indexed_value_type.value)
        for key in search_attributes.ALL
        if key.name not in listed.custom_attributes
    }


async def make_current_if_none_is(client: Client, task_queue: str, build_id: str) -> None:
    """Make this build current if no build is: otherwise no worker gets a task.

    The operator chooses the current build with `python -m temporal.promote`. This function only
    acts where there is no choice, because all workers are of this build.
    """
    if not build_id or await _token_if_alone(client, task_queue, build_id) is None:
        return
    await asyncio.sleep(SECONDS_TO_APPEAR)
    token = await _token_if_alone(client, task_queue, build_id)
    if token is not None:
        await set_current(client, build_id, conflict_token=token)
        logger.warning("no build was current: made build %s current, the only one", build_id)


async def _token_if_alone(client: Client, task_queue: str, build_id: str) -> bytes | None:
    """Return the token that Temporal requires for a change of the present deployment; None when
    another build is current or known, or when workers without a build run."""
    try:
        deployment = await described(client)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    info = deployment.worker_deployment_info
    builds = {summary.deployment_version.build_id for summary in info.version_summaries}
    if info.routing_config.current_deployment_version.build_id or builds != {build_id}:
        return None
    return deployment.conflict_token if await _all_have_builds(client, task_queue) else None


async def _all_have_builds(client: Client, task_queue: str) -> bool:
    versioned = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    found = await pollers(client, task_queue)
    return all(p.deployment_options.worker_versioning_mode == versioned for p in found)


async def pollers(client: Client, task_queue: str) -> Sequence[PollerInfo]:
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return found.pollers
