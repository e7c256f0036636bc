"""A build becomes the current one when its worker polls every queue."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar, cast

import pytest
from temporalio.api.enums.v1 import RoutingConfigUpdateState as State
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentCurrentVersionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from settings import Settings
from temporal import promote as module
from temporal.promote import NoSuchBuild, NotPromoted, current_build, promote, set_current

ACCEPTED = SetWorkerDeploymentCurrentVersionResponse()
IN_PROGRESS = State.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
COMPLETED = State.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
UNSPECIFIED = State.ROUTING_CONFIG_UPDATE_STATE_UNSPECIFIED
T = TypeVar("T")


def refusal(status: RPCStatusCode) -> RPCError:
    return RPCError("refused", status, b"")


def deployment(
    state: State.ValueType = COMPLETED, build_id: str = ""
) -> DescribeWorkerDeploymentResponse:
    response = DescribeWorkerDeploymentResponse()
    routing = response.worker_deployment_info.routing_config
    routing.current_deployment_version.build_id = build_id
    response.worker_deployment_info.routing_config_update_state = state
    return response


class Temporal:
    """Give each answer once, and the last one from then on; remember what was set."""

    namespace = "orders"

    def __init__(
        self,
        accepts: Sequence[SetWorkerDeploymentCurrentVersionResponse | RPCError] = (ACCEPTED,),
        describes: Sequence[DescribeWorkerDeploymentResponse | RPCError] = (deployment(),),
    ) -> None:
        self._accepts = list(accepts)
        self._describes = list(describes)
        self.set: list[SetWorkerDeploymentCurrentVersionRequest] = []
        self.described: list[DescribeWorkerDeploymentRequest] = []

    @property
    def client(self) -> Client:
        return cast("Client", self)

    @property
    def workflow_service(self) -> Temporal:
        return self

    async def set_worker_deployment_current_version(
        self, request: SetWorkerDeploymentCurrentVersionRequest
    ) -> SetWorkerDeploymentCurrentVersionResponse:
        self.set.append(request)
        return given(self._accepts)

    async def describe_worker_deployment(
        self, request: DescribeWorkerDeploymentRequest
    ) -> DescribeWorkerDeploymentResponse:
        self.described.append(request)
        return given(self._describes)


def given(answers: list[T | RPCError]) -> T:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, RPCError):
        raise answer
    return answer


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_TRIES", 0.001)


@pytest.mark.parametrize("status", [RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION])
async def test_a_build_is_offered_until_its_worker_polls(status: RPCStatusCode) -> None:
    temporal = Temporal(accepts=[refusal(status), refusal(status), ACCEPTED])

    await promote(temporal.client, "build-2")

    assert [(r.namespace, r.deployment_name, r.build_id) for r in temporal.set] == [
        ("orders", "waybill", "build-2")
    ] * 3


async def test_a_build_that_no_worker_runs_is_refused_when_the_time_is_over() -> None:
    temporal = Temporal(accepts=[refusal(RPCStatusCode.NOT_FOUND)])

    with pytest.raises(NoSuchBuild, match="no worker of build build-2 polls: start one"):
        await promote(temporal.client, "build-2", wait_seconds=0.02)

    assert len(temporal.set) > 1
    assert temporal.described == []


async def test_any_other_error_of_temporal_ends_the_promotion_at_once() -> None:
    temporal = Temporal(accepts=[refusal(RPCStatusCode.PERMISSION_DENIED), ACCEPTED])

    with pytest.raises(RPCError, match="refused"):
        await promote(temporal.client, "build-2")

    assert len(temporal.set) == 1


@pytest.mark.parametrize("state", [COMPLETED, UNSPECIFIED], ids=["completed", "an older server"])
async def test_a_promotion_ends_once_every_task_queue_knows(state: State.ValueType) -> None:
    temporal = Temporal(
        describes=[deployment(IN_PROGRESS), deployment(IN_PROGRESS), deployment(state)]
    )

    await promote(temporal.client, "build-2")

    assert len(temporal.described) == 3


async def test_a_build_that_a_task_queue_does_not_know_in_time_is_not_promoted() -> None:
    temporal = Temporal(describes=[deployment(IN_PROGRESS)])

    with pytest.raises(NotPromoted, match="keep the workers of the build before, and try again"):
        await promote(temporal.client, "build-2", wait_seconds=0.02)

    assert len(temporal.described) > 1


async def test_temporal_routes_to_the_current_build() -> None:
    temporal = Temporal(describes=[deployment(build_id="build-1")])
    assert await current_build(temporal.client) == "build-1"


async def test_a_missing_deployment_has_no_current_build() -> None:
    temporal = Temporal(describes=[refusal(RPCStatusCode.NOT_FOUND)])
    assert await current_build(temporal.client) == ""


async def test_a_current_build_that_cannot_be_read_is_an_error() -> None:
    temporal = Temporal(describes=[refusal(RPCStatusCode.UNAVAILABLE)])
    with pytest.raises(RPCError, match="refused"):
        await current_build(temporal.client)


async def test_a_build_is_made_current_only_with_the_current_token() -> None:
    temporal = Temporal()
    await set_current(temporal.client, "build-2", conflict_token=b"as it was")
    assert [(r.conflict_token, r.ignore_missing_task_queues) for r in temporal.set] == [
        (b"as it was", True)
    ]


def test_the_command_needs_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["promote"])
    monkeypatch.setattr(module, "load_settings", lambda: Settings(worker_build_id=""))
    with pytest.raises(SystemExit, match=r"^promote: WAYBILL_WORKER_BUILD_ID is not set"):
        module.main()
