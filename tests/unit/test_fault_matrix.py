"""Count the cases of `make matrix` without a server, so that no case disappears unnoticed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import httpx
import pytest

from domain.saga.plan import FINALIZERS, ORDER_PLAN, RETURN_PLAN
from tests.matrix.cases import Case, Fault, all_cases, combinations, left_out, why_left_out
from tests.matrix.operations import operation_of
from tests.matrix.points import ACTIVITIES, LEFT_OUT, points, undos
from tests.matrix.provider_calls import CALLS
from tests.matrix.quick import QUICK
from tests.matrix.script import Phase

BEFORE, DURING, AFTER = Phase.BEFORE, Phase.DURING, Phase.AFTER
AT_A_PROVIDER = {(fault, None) for fault in (Fault.REFUSED, Fault.DOWN)}
OF_THE_ISSUE = {
    (Fault.REFUSED, None),
    (Fault.TIMEOUT_BEFORE, None),
    (Fault.TIMEOUT_AFTER, None),
    (Fault.DOWN, None),
    *((Fault.KILLED, phase) for phase in Phase),
    *((Fault.CANCELLED, phase) for phase in Phase),
    *((Fault.TEMPORAL_CANCELLED, phase) for phase in Phase),
    *((Fault.TERMINATED, phase) for phase in Phase),
}
AT_WAITS = {(Fault.RESET, None), (Fault.GONE, None)}
CUT_OFF = {(Fault.CUT_OFF, None)}
OF_A_CHILD = {(Fault.PARENT_TERMINATED, phase) for phase in Phase}
IN_THE_LOG = {
    (Fault.TIMEOUT_BEFORE, None),
    (Fault.TIMEOUT_AFTER, None),
    *((Fault.KILLED, phase) for phase in Phase),
    (Fault.CANCELLED, DURING),
    (Fault.TEMPORAL_CANCELLED, DURING),
    *((Fault.TERMINATED, phase) for phase in Phase),
}
"""The faults that can occur at a local activity."""
DISTURBANCES = {
    Fault.KILLED,
    Fault.CANCELLED,
    Fault.TEMPORAL_CANCELLED,
    Fault.TERMINATED,
}
MIN_CASES = {
    Fault.REFUSED: 60,
    Fault.TIMEOUT_BEFORE: 90,
    Fault.TIMEOUT_AFTER: 55,
    Fault.DOWN: 59,
    Fault.KILLED: 211,
    Fault.CANCELLED: 150,
    Fault.TEMPORAL_CANCELLED: 151,
    Fault.TERMINATED: 211,
    Fault.PARENT_TERMINATED: 43,
    Fault.CUT_OFF: 26,
    Fault.RESET: 2,
    Fault.GONE: 1,
}
WHY_LEFT_OUT = {
    "the same for each call of an activity",
    "its workflow has no parent",
    "the same as during, for a local activity",
    "no provider is called",
    "nothing runs that could fail",
    "it has no effect",
    "it is asked until the dispatch deadline",
    "nothing is appended",
    "the order is not known yet",
    "it occurs while the saga waits",
    "it runs with FULL=1",
}

Met = set[tuple[Fault, Phase | None]]


def met(cases: Iterable[Case]) -> Met:
    return {(case.fault, case.phase) for case in cases}


def test_every_activity_of_the_sagas_is_a_point_of_the_matrix() -> None:
    assert {point.activity for point in points() if not point.wait} == ACTIVITIES - LEFT_OUT


def test_every_step_and_every_undo_has_its_activities() -> None:
    undo_names = {step.undo.name for step in ORDER_PLAN if step.undo}
    named = undo_names | {undo.name for undo in FINALIZERS}
    named |= {step.name for step in (*ORDER_PLAN, *RETURN_PLAN)} & ACTIVITIES

    assert named <= {point.activity for point in points()}
    assert CALLS.keys() <= ACTIVITIES


def test_every_point_with_every_fault_is_a_case_or_has_a_reason() -> None:
    of_point: defaultdict[str, Met] = defaultdict(set)
    for case in combinations():
        of_point[case.point.name].add((case.fault, case.phase))
    cases = {case.name for case in all_cases()}

    for point in points():
        expected = OF_THE_ISSUE | OF_A_CHILD | CUT_OFF | AT_WAITS
        if point.wait is not None:
            expected = {(fault, None) for fault in Fault}
        assert of_point[point.name] == expected, point.name
    for case in combinations():
        assert (case.name in cases) is (why_left_out(case) is None), case.name


def test_no_case_is_there_twice() -> None:
    assert [name for name, count in Counter(c.name for c in all_cases()).items() if count > 1] == []


def test_every_chosen_case_exists() -> None:
    assert {case.name for case in all_cases()} >= QUICK


def test_the_matrix_has_at_least_so_many_cases_of_each_fault() -> None:
    """A new step adds cases; raise the figures then, so that the matrix cannot shrink again."""
    assert Counter(case.fault for case in all_cases()) >= Counter(MIN_CASES)


def test_combinations_are_left_out_for_known_reasons_only() -> None:
    assert left_out().keys() == WHY_LEFT_OUT


@pytest.mark.parametrize(("activity", "way"), [(a, s.name) for a, s in undos()])
def test_every_undo_meets_every_fault_in_every_compensation(activity: str, way: str) -> None:
    cases = [
        case
        for case in all_cases()
        if (case.point.activity, case.point.scenario.name) == (activity, way)
    ]
    is_quiet = not all(case.point.changes for case in cases)

    expected = OF_THE_ISSUE | CUT_OFF if activity in CALLS else IN_THE_LOG
    assert met(cases) == {
        (fault, phase) for fault, phase in expected if not (is_quiet and phase is DURING)
    }


def test_compensations_start_by_customers_by_operators_and_after_failures() -> None:
    ways: defaultdict[str, set[str]] = defaultdict(set)
    for activity, scenario in undos():
        ways[activity].add(scenario.name)

    for activity in ("cancel_shipment", "give_back", "release", "cancel"):
        assert ways[activity] >= {"cancelled", "cancelled in Temporal", "address refused"}
    for activity in ("give_back", "release", "cancel"):
        assert "lost" in ways[activity]
    assert ways["withdraw_cancellation"] == {
        "cancelled too late",
        "cancelled in Temporal too late",
    }


def test_each_call_of_an_activity_is_refused_lost_and_interrupted() -> None:
    of_call: defaultdict[str, Met] = defaultdict(set)
    for case in all_cases():
        if case.point.call is not None:
            of_call[case.point.name].add((case.fault, case.phase))

    for name, faults in of_call.items():
        interrupted = {(fault, DURING) for fault in DISTURBANCES}
        expected = AT_A_PROVIDER | interrupted | {(Fault.TIMEOUT_BEFORE, None)}
        if name.startswith("check_hold"):  # it is asked until the dispatch deadline
            expected -= {(Fault.DOWN, None)}
        assert faults >= expected, name


def test_every_wait_is_disturbed_in_every_way() -> None:
    of_wait: defaultdict[str, set[Fault]] = defaultdict(set)
    for case in all_cases():
        if case.point.wait is not None and (case.fault, None) not in AT_WAITS:
            of_wait[case.point.wait.of].add(case.fault)

    with_a_child = {
        "the bank",
        "another card",
        "a new hold",
        "the goods",
        "an intervention in the refund",
    }
    assert of_wait == {
        name: DISTURBANCES | ({Fault.PARENT_TERMINATED} if name in with_a_child else set())
        for name in (
            *with_a_child,
            "stock",
            "the carrier",
            "the dispatch",
            "the delivery",
            "a return",
            "an intervention in the capture",
            "an intervention in an undo",
        )
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "operation"),
    [
        ("POST", "/v1/payment_intents", "amount=1", "create"),
        ("POST", "/v1/payment_intents/pi_1/confirm", "", "confirm"),
        ("POST", "/v1/payment_intents/pi_1/capture", "", "capture"),
        ("POST", "/v1/payment_intents/pi_1/cancel", "", "cancel"),
        ("POST", "/v1/refunds", "payment_intent=pi_1", "refund"),
        ("GET", "/v1/payment_intents/pi_1", "", "look"),
        ("POST", "/v1/shipments", '{"reference": "order-1"}', "create"),
        ("POST", "/v1/shipments", '{"reference": "order-1", "status": "cancelled"}', "cancel"),
        ("POST", "/v1/shipments/shp_1/cancel", "", "cancel"),
        ("POST", "/v1/returns", '{"reference": "order-1"}', "return"),
        ("GET", "/v1/returns", "", "look"),
    ],
)
def test_a_request_has_the_simulators_operation(
    method: str, path: str, body: str, operation: str
) -> None:
    assert operation_of(httpx.Request(method, f"http://provider{path}", content=body)) == operation
