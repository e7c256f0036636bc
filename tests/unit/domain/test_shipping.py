from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.shipping import commands as c
from domain.shipping import events as e
from domain.shipping.decide import MAX_TRACKING_CHANGES, SHIPMENT
from domain.shipping.state import ShipmentState, ShipmentStatus
from domain.shipping.tracking import TrackingInfo
from tests.unit.domain.specification import Specification, cells

shipment = Specification(SHIPMENT)

CREATED: Final = e.ShipmentCreated(order_id="o-1", shipment_id="shp_1")
TRACKING: Final = TrackingInfo(number="TRK-1", carrier="Post", url="https://post.example/TRK-1")
NUMBERED: Final = e.TrackingNumberAssigned(
    order_id="o-1",
    tracking_number="TRK-1",
    carrier="Post",
    tracking_url="https://post.example/TRK-1",
)
DISPATCHED: Final = e.ShipmentDispatched(order_id="o-1")
DELIVERED: Final = e.ShipmentDelivered(order_id="o-1")
CANCELLED: Final = e.ShipmentCancelled(order_id="o-1")
LOST: Final = e.ShipmentLost(order_id="o-1")
TO_SENDER: Final = e.ShipmentReturnedToSender(order_id="o-1")
FETCHED: Final = e.ShipmentReturnRequested(order_id="o-1", return_id="ret_1")
BACK: Final = e.ShipmentReturned(order_id="o-1")

HISTORY: Final[dict[str, tuple[Event, ...]]] = {
    "none": (),
    "CREATED": (CREATED,),
    "DISPATCHED": (CREATED, DISPATCHED),
    "DELIVERED": (CREATED, DISPATCHED, DELIVERED),
    "CANCELLED": (CREATED, CANCELLED),
    "LOST": (CREATED, DISPATCHED, LOST),
    "RETURNED_TO_SENDER": (CREATED, DISPATCHED, TO_SENDER),
}

COMMANDS: Final[dict[str, tuple[c.ShipmentCommand, Event]]] = {
    "create": (
        c.RecordShipment(aggregate_id="o-1", shipment_id="shp_1"),
        CREATED,
    ),
    "number": (c.RecordTracking(aggregate_id="o-1", tracking=TRACKING), NUMBERED),
    "dispatch": (c.RecordDispatch(aggregate_id="o-1"), DISPATCHED),
    "deliver": (c.RecordDelivery(aggregate_id="o-1"), DELIVERED),
    "cancel": (c.RecordShipmentCancelled(aggregate_id="o-1"), CANCELLED),
    "lose": (c.RecordLoss(aggregate_id="o-1"), LOST),
    "to_sender": (c.RecordReturnToSender(aggregate_id="o-1"), TO_SENDER),
    "fetch": (c.RecordReturnShipment(aggregate_id="o-1", return_id="ret_1"), FETCHED),
    "back": (c.RecordGoodsBack(aggregate_id="o-1"), BACK),
}

# + is accepted, . leaves nothing to do, ! is refused.
TABLE: Final = """
                    create  number  dispatch  deliver  cancel  lose  to_sender  fetch  back
none                   +       .        +        !        +      +       +        +      +
CREATED                .       +        +        !        +      +       +        +      +
DISPATCHED             .       +        .        +        !      +       +        +      +
DELIVERED              .       +        .        .        !      !       +        +      +
CANCELLED              .       .        !        !        .      !       !        +      +
LOST                   .       +        .        !        !      .       +        +      +
RETURNED_TO_SENDER     .       +        .        !        !      !       .        +      +
"""


@pytest.mark.parametrize(("status", "word", "outcome"), cells(TABLE))
def test_every_command_in_every_status(status: str, word: str, outcome: str) -> None:
    command, event = COMMANDS[word]
    history = HISTORY[status]
    intervention = shipment.given(history).when(command)

    if outcome == "!":
        intervention.then_refused(ErrorCode.WRONG_STATE)
    elif outcome == "+":
        intervention.then([event])
        shipment.given([*history, event]).when(command).then([])
    else:
        intervention.then([])


@pytest.mark.parametrize("status", HISTORY)
def test_the_histories_of_the_table_lead_to_its_statuses(status: str) -> None:
    state = SHIPMENT.fold(HISTORY[status])
    assert state.status == (None if status == "none" else ShipmentStatus(status))


def test_the_table_leaves_no_status_out() -> None:
    assert set(HISTORY) == {"none", *ShipmentStatus}


def test_the_first_shipment_of_an_order_stays() -> None:
    second = c.RecordShipment(aggregate_id="o-1", shipment_id="shp_2")
    shipment.given([CREATED]).when(second).then([])


def test_the_shipment_keeps_its_number_to_the_end() -> None:
    assert SHIPMENT.fold([CREATED, NUMBERED, DISPATCHED, DELIVERED]) == ShipmentState(
        status=ShipmentStatus.DELIVERED,
        shipment_id="shp_1",
        tracking=TRACKING,
        tracking_count=1,
    )


def numbered(number: str, url: str | None = None) -> tuple[c.RecordTracking, Event]:
    command = c.RecordTracking(
        aggregate_id="o-1", tracking=TrackingInfo(number=number, carrier="Post", url=url)
    )
    event = e.TrackingNumberAssigned(
        order_id="o-1", tracking_number=number, carrier="Post", tracking_url=url
    )
    return command, event


def test_a_changed_number_is_recorded_again_also_when_the_first_one_comes_back() -> None:
    (first, was_first), (second, was_second) = numbered("TRK-1"), numbered("TRK-2")

    shipment.given([CREATED, was_first]).when(second).then([was_second])
    shipment.given([CREATED, was_first, was_second]).when(first).then([was_first])
    shipment.given([CREATED, was_first, was_second]).when(second).then([])


def test_a_page_that_comes_after_its_number_is_recorded() -> None:
    _, without = numbered("TRK-1")
    command, with_page = numbered("TRK-1", "https://post.example/TRK-1")

    shipment.given([CREATED, without]).when(command).then([with_page])


def test_a_carrier_that_gives_another_page_each_time_does_not_fill_the_log() -> None:
    pages = [numbered("TRK-1", f"https://post.example/{n}") for n in range(MAX_TRACKING_CHANGES)]
    one_more, _ = numbered("TRK-1", "https://post.example/one-more")

    shipment.given([CREATED, *(event for _, event in pages[:-1])]).when(pages[-1][0]).then(
        [pages[-1][1]]
    )
    shipment.given([CREATED, *(event for _, event in pages)]).when(one_more).then([])


def test_a_parcel_that_left_before_its_record_gets_its_shipment_late() -> None:
    record = COMMANDS["create"][0]
    shipment.given([DISPATCHED]).when(record).then([CREATED])
    shipment.given([DISPATCHED, CREATED]).when(record).then([])
    assert SHIPMENT.fold([DISPATCHED, CREATED]) == ShipmentState(
        status=ShipmentStatus.DISPATCHED, shipment_id="shp_1"
    )


def test_a_shipment_cancelled_before_its_record_is_not_created_late() -> None:
    shipment.given([CANCELLED]).when(COMMANDS["create"][0]).then([])


def test_a_return_leaves_the_parcel_as_delivered() -> None:
    history = [CREATED, DISPATCHED, DELIVERED, FETCHED, BACK]
    state = SHIPMENT.fold(history)
    assert (state.status, state.return_id, state.is_back) == (
        ShipmentStatus.DELIVERED,
        "ret_1",
        True,
    )
    other = c.RecordReturnShipment(aggregate_id="o-1", return_id="ret_2")
    shipment.given(history).when(other).then([])


def test_a_refusal_names_the_status_of_the_shipment() -> None:
    refusal = (
        shipment.given([CREATED, CANCELLED])
        .when(COMMANDS["dispatch"][0])
        .then_refused(ErrorCode.WRONG_STATE)
    )
    assert refusal.message == "the shipment of order o-1 is CANCELLED, not CREATED"


STOPPED: Final = e.ShipmentStopped(order_id="o-1", booking=1, attempt=1)
STOP: Final = c.RecordShipmentStopped(aggregate_id="o-1", booking=1, attempt=1)
BOOK_AGAIN: Final = c.RecordShipment(aggregate_id="o-1", shipment_id="shp_2", booking=2)
BOOKED_AGAIN: Final = e.ShipmentCreated(order_id="o-1", shipment_id="shp_2", booking=2)


@pytest.mark.parametrize("history", [(), (CREATED,)])
def test_a_parcel_that_has_not_left_is_stopped_once(history: tuple[Event, ...]) -> None:
    shipment.given(history).when(STOP).then([STOPPED])
    shipment.given([*history, STOPPED]).when(STOP).then([])


def test_a_parcel_that_has_left_is_not_stopped() -> None:
    shipment.given([CREATED, DISPATCHED]).when(STOP).then_refused(ErrorCode.WRONG_STATE)


def test_a_stopped_parcel_is_booked_again_under_the_next_number_only() -> None:
    shipment.given([CREATED, STOPPED]).when(BOOK_AGAIN).then([BOOKED_AGAIN])
    late = c.RecordShipment(aggregate_id="o-1", shipment_id="shp_1")
    shipment.given([STOPPED]).when(late).then([])
    shipment.given([CREATED, STOPPED, BOOKED_AGAIN]).when(late).then([])
    shipment.given([CREATED, STOPPED, BOOKED_AGAIN]).when(STOP).then([])


def test_a_stopped_parcel_is_cancelled_for_good_before_it_is_booked_again() -> None:
    cancel = c.RecordShipmentCancelled(aggregate_id="o-1")
    shipment.given([CREATED, STOPPED]).when(cancel).then([CANCELLED])
    shipment.given([CREATED, STOPPED, CANCELLED]).when(BOOK_AGAIN).then([])


def test_a_parcel_that_is_booked_again_has_no_tracking_number_of_the_first_booking() -> None:
    state = SHIPMENT.fold([CREATED, NUMBERED, STOPPED, BOOKED_AGAIN])
    assert state == ShipmentState(ShipmentStatus.CREATED, "shp_2", booking=2, unpaid_attempt=1)
