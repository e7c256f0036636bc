"""Count the billed actions of a workflow from its history."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.history.v1 import HistoryEvent

from benchmarks.saga.costs import LOCAL_ACTIVITY, actions
from benchmarks.saga.load import quantile


def event(kind: str, **attributes: object) -> HistoryEvent:
    document: dict[str, object] = {"eventType": f"EVENT_TYPE_{kind}"}
    if attributes:
        document[f"{kind.lower()}_event_attributes"] = attributes
    return ParseDict(document, HistoryEvent())


STARTED = event("WORKFLOW_EXECUTION_STARTED")


def marker(task: int, name: str = LOCAL_ACTIVITY) -> HistoryEvent:
    return event("MARKER_RECORDED", marker_name=name, workflow_task_completed_event_id=str(task))


def test_an_empty_workflow_costs_only_its_start() -> None:
    tasks = ("WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED")
    ended = event("WORKFLOW_EXECUTION_COMPLETED")

    assert actions([STARTED, *map(event, tasks), ended]) == 1


def test_a_child_workflow_costs_two_actions() -> None:
    parent = {"workflow_id": "order-1"}

    assert actions([event("WORKFLOW_EXECUTION_STARTED", parent_workflow_execution=parent)]) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "TIMER_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
    ],
)
def test_a_timer_a_signal_an_update_and_an_attribute_cost_one_action_each(kind: str) -> None:
    assert actions([STARTED, event(kind), event(kind)]) == 3


def test_each_attempt_of_an_activity_costs_one_action() -> None:
    scheduled, started = event("ACTIVITY_TASK_SCHEDULED"), event("ACTIVITY_TASK_STARTED", attempt=3)

    assert actions([STARTED, scheduled, started, event("ACTIVITY_TASK_COMPLETED")]) == 4


def test_the_local_activities_of_a_workflow_task_cost_one_action() -> None:
    assert actions([STARTED, marker(4), marker(4), marker(11)]) == 3


def test_a_marker_of_anything_else_is_not_billed() -> None:
    assert actions([STARTED, marker(4, "core_patch")]) == 1


def test_a_quantile_is_the_smallest_figure_that_its_share_do_not_exceed() -> None:
    figures = [float(figure) for figure in range(100, 0, -1)]

    assert quantile(figures, 0.5) == 50
    assert quantile(figures, 0.99) == 99
    assert quantile([7.0], 0.99) == 7
