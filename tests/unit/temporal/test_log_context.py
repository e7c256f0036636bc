"""A line that an activity logs names the workflow and the order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio import activity, workflow
from temporalio.testing import ActivityEnvironment

from temporal.log_context import keep_messages_plain, of_workflow


@pytest.mark.parametrize(
    ("workflow_id", "named"),
    [
        (
            "order-0a1b-2c",
            {
                "workflow_id": "order-0a1b-2c",
                "order_id": "0a1b-2c",
                "correlation_id": "0a1b-2c",
            },
        ),
        (
            "payment-0a1b",
            {"workflow_id": "payment-0a1b", "order_id": "0a1b", "correlation_id": "0a1b"},
        ),
        ("reconciliation", {"workflow_id": "reconciliation"}),
    ],
)
def test_an_activity_names_its_workflow_and_the_order(
    workflow_id: str, named: dict[str, str]
) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info, workflow_id=workflow_id, activity_type="capture", attempt=2
    )
    assert environment.run(of_workflow) == named | {"activity": "capture", "attempt": "2"}


def test_outside_of_workflows_nothing_is_named() -> None:
    assert of_workflow() == {}


def test_the_sdk_appends_nothing_to_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for logger, kind in ((workflow.logger, "workflow"), (activity.logger, "activity")):
        for option in ("on_message", "on_extra"):
            monkeypatch.setattr(logger, f"{kind}_info_{option}", True)
    assert "activity_id" in ActivityEnvironment().run(said_by_an_activity)[0]

    keep_messages_plain()

    assert ActivityEnvironment().run(said_by_an_activity) == ("captured", {})
    assert workflow.logger.process("parked", {}) == ("parked", {})


def said_by_an_activity() -> tuple[str, dict[str, object]]:
    message, options = activity.logger.process("captured", {})
    return str(message), {**options}
