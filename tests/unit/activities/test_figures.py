"""Commands and sagas are counted by how they ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.figures import ENDS, count_ends, counted
from domain.errors import ErrorCode, Refused
from domain.inventory.commands import ReceiveStock
from domain.order import events as o
from observability.work import REGISTRY
from tests.support.projections import stored_events

LAPSED = o.OrderReturnLapsed(order_id="1")
COMMAND = ReceiveStock(aggregate_id="cup", quantity=1)


def commands(outcome: str) -> float:
    labels = {"command": "ReceiveStock", "outcome": outcome}
    return REGISTRY.get_sample_value("waybill_commands_total", labels) or 0.0


def ended(saga: str, outcome: str) -> tuple[float, float]:
    """Return the number of these ends, and the sum of their durations."""
    labels = {"saga": saga, "outcome": outcome}
    found = (
        REGISTRY.get_sample_value("waybill_sagas_total", labels),
        REGISTRY.get_sample_value("waybill_saga_seconds_sum", labels),
    )
    return found[0] or 0.0, found[1] or 0.0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Refused(ErrorCode.NOT_FOUND, "no"), "refused"), (OSError("away"), "failed")],
)
def test_a_command_that_fails_is_counted_by_whose_fault_it_is(
    error: Exception, outcome: str
) -> None:
    before = commands(outcome)
    with pytest.raises(type(error)), counted([COMMAND, COMMAND]):
        raise error
    assert commands(outcome) == before + 2


def test_a_command_that_ran_is_accepted() -> None:
    before = commands("accepted")
    with counted([COMMAND]):
        pass
    assert commands("accepted") == before + 1


def test_a_saga_is_counted_at_its_last_event_with_its_whole_duration() -> None:
    (any_event,) = stored_events([LAPSED])
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    asked = replace(any_event, type=o.OrderReturnRequested.__name__, recorded_at=a_minute_ago)
    count, seconds = ended("return", "lapsed")

    count_ends([asked], [LAPSED])

    after, seconds_after = ended("return", "lapsed")
    assert after == count + 1
    assert 60 <= seconds_after - seconds < 90


def test_an_event_that_ends_nothing_is_not_counted() -> None:
    before = [ended(end.saga, end.outcome) for end in ENDS.values()]
    count_ends([], [o.OrderDelivered(order_id="1")])
    assert [ended(end.saga, end.outcome) for end in ENDS.values()] == before
