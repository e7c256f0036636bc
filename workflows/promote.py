"""Have every workflow, new or running, go on in the workers of one build.

    python -m workflows.promote [BUILD_ID]

Started beside those of the build before; when this is done, those may be stopped. With the id of
an older build, whose workers run, it is the way back.
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
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from settings import Settings, SettingsError, load_settings
from workflows.temporal_client import connect
from workflows.versions import DEPLOYMENT

SECONDS_TO_WAIT: Final = 60.0
SECONDS_BETWEEN_TRIES: Final = 0.2

_NOT_YET: Final = {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}


class NoSuchBuild(Exception):
    """No worker of this build has been seen."""


async def promote(client: Client, build_id: str, *, patience: float = SECONDS_TO_WAIT) -> None:
    """Wait until a worker of the build polls, make it the current one, and see that it is.

    Once this returns, no task goes to another build. Doing it again changes nothing. Raises
    NoSuchBuild when no worker polls for so many seconds.
    """
    try:
        async with asyncio.timeout(patience):
            await _until(lambda: _is_accepted(client, build_id))
    except TimeoutError:
        raise NoSuchBuild(
            f"no worker of build {build_id} polls: start one with that WAYBILL_WORKER_BUILD_ID"
        ) from None
    await _until(lambda: _is_known_everywhere(client))


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    while not await is_so():  # noqa: ASYNC110 - nothing wakes it
        await asyncio.sleep(SECONDS_BETWEEN_TRIES)


async def _is_accepted(client: Client, build_id: str) -> bool:
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=DEPLOYMENT,
        build_id=build_id,
        ignore_missing_task_queues=True,  # there is one; another was left by a change of its name
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request)
    except RPCError as error:
        if error.status in _NOT_YET:
            return False
        raise
    return True


async def _is_known_everywhere(client: Client) -> bool:
    """The task queues hear of it a while later; until then they serve the build before."""
    described = await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    )
    state = described.worker_deployment_info.routing_config_update_state
    return state != RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS


async def _run(settings: Settings, build_id: str | None) -> str:
    if build_id is None:
        settings.require("worker_build_id")
        build_id = settings.worker_build_id
    await promote(await connect(settings), build_id)
    return build_id


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workflows.promote", description=__doc__)
    parser.add_argument("build_id", nargs="?", help="WAYBILL_WORKER_BUILD_ID unless given")
    arguments = parser.parse_args()
    try:
        build_id = asyncio.run(_run(load_settings(), arguments.build_id))
    except (SettingsError, NoSuchBuild, RPCError, RuntimeError) as error:
        sys.exit(f"promote: {error}")
    sys.stdout.write(f"Build {build_id} is the current one.\n")


if __name__ == "__main__":
    main()
