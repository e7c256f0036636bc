"""Running workflows continue under today's code: see tests/histories/README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory

from activities import interface
from temporal.runner import WORKFLOWS
from tests.histories.files import CONVERTER, FOLDER, read
from tests.histories.paths import PATHS
from tests.histories.reconciliations import RECONCILIATIONS
from tests.histories.variants import OneLookLess, OneMoreStep, OneUndoLess, StepsSwapped
from tests.support.replays import replay
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow


def recorded(path: str) -> list[WorkflowHistory]:
    return read(FOLDER / f"{path}.json")


@pytest.mark.parametrize("path", sorted({*PATHS, *RECONCILIATIONS}))
async def test_a_recorded_path_replays(path: str) -> None:
    histories = recorded(path)

    assert histories
    await replay(histories, CONVERTER)


@pytest.mark.parametrize(
    ("path", "instead", "variant"),
    [
        ("delivered", OrderWorkflow, OneMoreStep),
        ("delivered", OrderWorkflow, StepsSwapped),
        ("cancelled_before_dispatch", OrderWorkflow, OneUndoLess),
        ("approved", PaymentWorkflow, OneLookLess),
    ],
)
async def test_a_change_that_breaks_running_sagas_is_noticed(
    path: str, instead: type[Any], variant: type[Any]
) -> None:
    changed = tuple(variant if known is instead else known for known in WORKFLOWS)
    histories = [h for h in recorded(path) if _workflow_of(h) == instead.__name__]

    assert len(histories) == 1
    with pytest.raises(workflow.NondeterminismError):
        await replay(histories, CONVERTER, changed)


def test_every_path_is_recorded_and_nothing_else() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {*PATHS, *RECONCILIATIONS}


def test_every_activity_and_workflow_of_a_saga_is_recorded() -> None:
    histories = [history for path in PATHS for history in recorded(path)]
    seen = {name for history in histories for name in _activities_in(history)}
    sagas = (
        interface.SagaActivities,
        interface.OrderActivities,
        interface.StockActivities,
        interface.PaymentActivities,
        interface.ShippingActivities,
        interface.AftercareActivities,
    )

    assert {name for saga in sagas for name in saga.__abstractmethods__} - seen == set()
    assert {_workflow_of(history) for history in histories} == {
        "OrderWorkflow",
        "PaymentWorkflow",
        "ReturnWorkflow",
        "AftercareWorkflow",
        "RefundWorkflow",
        "CommandWorkflow",
        "StockWorkflow",
    }


def test_every_workflow_and_activity_of_reconciliation_is_recorded() -> None:
    histories = [history for path in RECONCILIATIONS for history in recorded(path)]
    seen = {name for history in histories for name in _activities_in(history)}

    assert seen == {"recover_missing", "compare", "recheck"}
    assert {_workflow_of(history) for history in histories} == {
        "RecoveryWorkflow",
        "ReconciliationWorkflow",
    }


@pytest.mark.parametrize("path", sorted({*PATHS, *RECONCILIATIONS}))
def test_a_recorded_path_names_no_machine(path: str) -> None:
    text = (FOLDER / f"{path}.json").read_text()

    assert '"eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"' in text
    assert '"identity"' not in text
    assert "site-packages" not in text


def _workflow_of(history: WorkflowHistory) -> str:
    started = history.events[0].workflow_execution_started_event_attributes
    return started.workflow_type.name


def _activities_in(history: WorkflowHistory) -> Iterator[str]:
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            yield event.activity_task_scheduled_event_attributes.activity_type.name
        if event.HasField("marker_recorded_event_attributes"):
            for payload in event.marker_recorded_event_attributes.details["data"].payloads:
                yield json.loads(payload.data).get("activity_type", "")
