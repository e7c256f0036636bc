"""Move every workflow, new or running, to the workers of one build.

    python -m temporal.promote [BUILD_ID]

Start the new workers beside the old ones first; once this command is done, the old ones may be
stopped. With the id of an older build whose workers run, the command rolls back.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from kit.command import run_command
from kit.eventually import eventually
from settings import Settings, SettingsError, load_settings
from temporal.client import TemporalAway, connect
from temporal.versions import DEPLOYMENT

SECONDS_TO_WAIT: Final = 60.0
SECONDS_BETWEEN_TRIES: Final = 0.2

_NOT_YET: Final = {
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,  # Temporal takes only so many calls at once for a deployment
}


class NotPromoted(Exception):
    """The promotion failed. The message says what to do."""


class NoSuchBuild(NotPromoted):
    """No worker of this build has been seen."""


async def promote(client: Client, build_id: str, *, wait_seconds: float = SECONDS_TO_WAIT) -> None:
    """Wait until a worker of the build polls, make the build current, and confirm it.

    After this returns, no task goes to another build. A second call changes nothing. Raises
    NoSuchBuild when no worker polls for `wait_seconds`. Raises NotPromoted when some task queue has
    not learned of the build after the same time again.
    """
    if not await _within(wait_seconds, lambda: _is_accepted(client, build_id)):
        raise NoSuchBuild(
            f"no worker of build {build_id} polls: start one with that WAYBILL_WORKER_BUILD_ID"
        )
    if not await _within(wait_seconds, lambda: _is_known_everywhere(client)):
        raise NotPromoted(
            f"build {build_id} is the current one, but not every task queue knows it yet:"
            " keep the workers of the build before, and try again"
        )


async def described(client: Client) -> DescribeWorkerDeploymentResponse:
    return await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    )


async def current_build(client: Client) -> str:
    """Return the build that Temporal gives the sagas' tasks to; empty for workers without a
    build."""
    try:
        deployment = await described(client)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ""
        raise
    routing = deployment.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id


async def set_current(client: Client, build_id: str, *, conflict_token: bytes = b"") -> None:
    """Set the current build. With a token, only if the deployment has not changed since the
    token."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=DEPLOYMENT,
            build_id=build_id,
            conflict_token=conflict_token,
            ignore_missing_task_queues=True,  # a renaming has left an unused one behind
        )
    )


async def _within(seconds: float, is_so: Callable[[], Awaitable[bool]]) -> bool:
    try:
        await eventually(is_so, seconds, SECONDS_BETWEEN_TRIES)
    except TimeoutError:
        return False
    return True


async def _is_accepted(client: Client, build_id: str) -> bool:
    try:
        await set_current(client, build_id)
    except RPCError as error:
        if error.status in _NOT_YET:
            return False
        raise
    return True


async def _is_known_everywhere(client: Client) -> bool:
    """The task queues learn of it some time later; until then they serve the previous build."""
    try:
        found = await described(client)
    except RPCError as error:
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            return False
        raise
    state = found.worker_deployment_info.routing_config_update_state
    return state != RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS


async def _run(settings: Settings, build_id: str | None) -> str:
    if build_id is None:
        settings.require("worker_build_id")
        build_id = settings.worker_build_id
    await promote(await connect(settings), build_id)
    return build_id


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m temporal.promote", description=__doc__)
    parser.add_argument("build_id", nargs="?", help="WAYBILL_WORKER_BUILD_ID unless given")
    arguments = parser.parse_args()
    try:
        build_id = asyncio.run(_run(load_settings(), arguments.build_id))
    except (SettingsError, NotPromoted, RPCError, TemporalAway) as error:
        sys.exit(f"promote: {error}")
    sys.stdout.write(f"Build {build_id} is the current one.\n")


if __name__ == "__main__":
    run_command(main)
