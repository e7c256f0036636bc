"""A line that an activity logs names the workflow and the order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio.testing import ActivityEnvironment

from temporal.log_context import of_workflow


@pytest.mark.parametrize(
    ("workflow_id", "named"),
    [
        ("order-0a1b-2c", {"workflow_id": "order-0a1b-2c", "order_id": "0a1b-2c"}),
        ("payment-0a1b", {"workflow_id": "payment-0a1b", "order_id": "0a1b"}),
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
