"""A command that is refused is answered, and leaves no failed workflow for operators to look at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from benchmarks.saga.driver import OPERATOR_ACTOR, key_use
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from domain.ids import command_workflow_id
from domain.inventory.commands import AdjustmentReason, AdjustStock
from domain.inventory.state import InventoryState
from domain.money import Money
from domain.order.commands import RequestRefund
from domain.product.commands import ChangePrice, DiscontinueProduct
from domain.saga.commands import AcceptDiscrepancy, ReconciledSystem
from kit.eventually import eventually
from tests.support.gates import When
from tests.support.sagas import Sagas
from tests.support.temporal_calls import TemporalCalls

ONE_EURO = Money(amount=100, currency="EUR")


def taken_away(sku: str, pieces: int) -> AdjustStock:
    return AdjustStock(aggregate_id=sku, difference=-pieces, reason=AdjustmentReason.LOST)


async def execute(sagas: Sagas, command: Command, key: KeyUse) -> int:
    done = await sagas.orchestrator.execute(command, key=key, actor=OPERATOR_ACTOR)
    return done.position


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (ChangePrice(aggregate_id="no-such", price=ONE_EURO), ErrorCode.UNKNOWN_SKU),
        (DiscontinueProduct(aggregate_id="no-such"), ErrorCode.UNKNOWN_SKU),
        (taken_away("no-such", 1), ErrorCode.INSUFFICIENT_STOCK),
        (
            RequestRefund(aggregate_id="no-such", key="k", amount=1, reason="a scratch"),
            ErrorCode.NOT_FOUND,
        ),
        (
            AcceptDiscrepancy(
                aggregate_id="no-such",
                system=ReconciledSystem.STOCK,
                ours="1",
                theirs="0",
                reason="counted",
            ),
            ErrorCode.NO_DISCREPANCY,
        ),
    ],
)
async def test_a_refused_command_is_answered_and_its_workflow_has_not_failed(
    sagas: Sagas, command: Command, code: ErrorCode
) -> None:
    key = key_use(command.command_type)

    with pytest.raises(Refused) as refusal:
        await execute(sagas, command, key)

    workflow = sagas.client.get_workflow_handle(command_workflow_id(command.command_type, key.id))
    assert refusal.value.code is code
    assert (await workflow.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_refused_command_has_an_effect_when_it_is_repeated_rightly(sagas: Sagas) -> None:
    sku, key = await sagas.stocked(1), key_use("adjustStock")
    with pytest.raises(Refused) as refusal:
        await execute(sagas, taken_away(sku, 2), key)
    await sagas.receive(sku, 1)

    first = await execute(sagas, taken_away(sku, 2), key)
    repeated = await execute(sagas, taken_away(sku, 2), key)

    assert refusal.value.field == ("input", "difference")
    assert repeated == first
    assert await sagas.inventory(sku) == InventoryState(received=2, adjusted=-2)


async def beside(
    sagas: Sagas, first: AdjustStock, other: AdjustStock
) -> tuple[int | BaseException, int | BaseException]:
    """Run a command, and another one under the same key while the first one runs."""
    calls = TemporalCalls()
    client = await Client.connect(
        sagas.client.service_client.config.target_host,
        data_converter=sagas.client.data_converter,
        interceptors=[calls],
    )
    key = key_use("adjustStock")
    other_key = replace(key, fingerprint="another input", call=uuid4())
    workflow_id = command_workflow_id("AdjustStock", key.id)

    async def is_asked() -> bool:
        return workflow_id in calls.workflow_ids

    async with sagas.gates.stopped(
        "run_command", workflow_id.partition("-")[2], When.BEFORE
    ) as gate:
        running = asyncio.create_task(execute(sagas, first, key))
        await gate.reached()
        following = asyncio.create_task(execute(replace(sagas, client=client), other, other_key))
        await eventually(is_asked)
    first_answer, answer = await asyncio.gather(running, following, return_exceptions=True)
    return first_answer, answer


async def test_a_refusal_of_other_input_under_the_same_key_is_not_the_answer(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)

    refusal, position = await beside(sagas, taken_away(sku, 2), taken_away(sku, 1))

    assert isinstance(refusal, Refused)
    assert isinstance(position, int)
    assert await sagas.inventory(sku) == InventoryState(received=1, adjusted=-1)


async def test_other_input_under_the_key_of_a_command_that_runs_is_refused(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)

    position, refusal = await beside(sagas, taken_away(sku, 2), taken_away(sku, 1))

    assert isinstance(position, int)
    assert isinstance(refusal, Refused)
    assert refusal.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await sagas.inventory(sku) == InventoryState(received=2, adjusted=-2)
