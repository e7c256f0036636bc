"""Provision a Temporal that has lost its database again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio import activity
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from kit.eventually import eventually
from roles.temporal_worker import temporal_worker
from stack.servers import Servers
from temporal import provisioning
from temporal.promote import described
from temporal.provisioning import make_current_if_none_is, register_search_attributes

A_DAY = Duration(seconds=86_400)
QUEUE = "waybill"


@pytest.fixture
async def blank(servers: Servers) -> Client:
    """A namespace without attributes and builds."""
    namespace = f"blank-{uuid.uuid4()}"
    client = await Client.connect(servers.temporal_address, namespace=namespace)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=A_DAY)
    )
    await eventually(lambda: is_known(client), every=0.1)
    return client


async def is_known(client: Client) -> bool:
    try:
        await client.count_workflows()
        await registered(client)
    except RPCError:
        return False
    return True


async def registered(client: Client) -> dict[str, int]:
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {n: t for n, t in listed.custom_attributes.items() if n.startswith("Waybill")}


@activity.defn
async def nothing() -> None: ...


@asynccontextmanager
async def working(client: Client, *builds: str) -> AsyncIterator[None]:
    if not builds:
        yield
        return
    build, *others = builds
    async with temporal_worker(client, QUEUE, [nothing], build_id=build):
        await until_polled(client, build)
        async with working(client, *others):
            yield


async def until_polled(client: Client, build: str) -> None:
    async def is_polled() -> bool:
        return build in await builds_polling(client)

    await eventually(is_polled, every=0.05)


async def builds_polling(client: Client) -> set[str]:
    """Return the builds that Temporal knows, and "" for a worker without one."""
    found = await provisioning.pollers(client, QUEUE)
    without = {""} if any(not p.deployment_options.build_id for p in found) else set()
    return without | await builds_of(client)


async def builds_of(client: Client) -> set[str]:
    try:
        info = (await described(client)).worker_deployment_info
    except RPCError:
        return set()
    return {summary.deployment_version.build_id for summary in info.version_summaries}


async def current(client: Client) -> str:
    info = (await described(client)).worker_deployment_info
    return info.routing_config.current_deployment_version.build_id


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioning, "SECONDS_TO_APPEAR", 0.1)


async def test_search_attributes_that_are_missing_are_registered(blank: Client) -> None:
    assert await registered(blank) == {}
    await register_search_attributes(blank)
    await register_search_attributes(blank)
    keyword, boolean = 2, 5
    assert await registered(blank) == {
        "WaybillStatus": keyword,
        "WaybillCustomer": keyword,
        "WaybillNeedsAttention": boolean,
    }


@contextmanager
def refusing(client: Client, operation: str, status: RPCStatusCode) -> Iterator[None]:
    """Let the server refuse this operation on search attributes."""

    async def refuse(_: object) -> None:
        raise RPCError("not for you", status, b"")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.operator_service, f"{operation}_search_attributes", refuse)
        yield


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED])
async def test_a_worker_without_the_right_to_register_attributes_starts(
    blank: Client, status: RPCStatusCode
) -> None:
    for operation in ("list", "add"):
        with refusing(blank, operation, status):
            await register_search_attributes(blank)
    assert await registered(blank) == {}


async def test_any_other_refusal_to_register_search_attributes_is_raised(blank: Client) -> None:
    for operation in ("list", "add"):
        with (
            refusing(blank, operation, RPCStatusCode.RESOURCE_EXHAUSTED),
            pytest.raises(RPCError, match="not for you"),
        ):
            await register_search_attributes(blank)


async def test_the_only_build_becomes_current_automatically(blank: Client) -> None:
    async with working(blank, "first"):
        await make_current_if_none_is(blank, QUEUE, "first")
        assert await current(blank) == "first"
        async with working(blank, "second"):
            await make_current_if_none_is(blank, QUEUE, "second")
            assert await current(blank) == "first"


@pytest.mark.parametrize("others", [("second",), ("",)], ids=["another build", "no build at all"])
async def test_an_operator_chooses_among_several_builds(blank: Client, others: tuple[str]) -> None:
    async with working(blank, "first", *others):
        await make_current_if_none_is(blank, QUEUE, "first")
        assert await current(blank) == ""


async def test_no_build_becomes_current_before_a_worker_has_polled(
    blank: Client,
) -> None:
    await make_current_if_none_is(blank, QUEUE, "first")
    async with working(blank, ""):
        await make_current_if_none_is(blank, QUEUE, "")
    assert await builds_of(blank) == set()
