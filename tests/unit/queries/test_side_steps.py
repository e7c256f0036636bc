"""The steps that are in no plan."""

from __future__ import annotations

from domain.money import Money
from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.payment import events as payment
from domain.payment.commands import HoldEnd
from domain.saga.commands import Intervention
from domain.saga.plan import ORDER_PLAN, refund_again
from domain.shipping import events as shipping
from queries.saga_ledger import StepView
from tests.unit.queries.saga_log import EUROS, SagaLog, at

PLANNED = {step.name for step in ORDER_PLAN}
STOPPED = shipping.ShipmentStopped(order_id="o1", booking=1, attempt=1)
HOLD_ENDED = payment.PaymentHoldEnded(
    order_id="o1", attempt=1, reference="pi_1", cause=HoldEnd.RUNNING_OUT
)
WITHDRAWN = order.OrderConfirmationWithdrawn(order_id="o1")


def side(log: SagaLog) -> dict[str, tuple[str, object, object]]:
    """Return the state, the beginning and the end of each step beside the plan."""
    return {
        step.name: (step.state.value, step.started_at, step.ended_at)
        for step in log.view().steps
        if step.name not in PLANNED
    }


def planned(log: SagaLog, name: str) -> StepView:
    return next(step for step in log.view().steps if step.name == name)


def test_an_order_whose_hold_lasts_shows_no_further_step() -> None:
    assert side(SagaLog().completed()) == {}


def test_asking_the_customer_again_is_a_step_between_dispatch_and_capture() -> None:
    log = SagaLog().announced().add("stop_parcel", STOPPED)
    assert side(log) == {"ask_again": ("RUNNING", at(5), None)}

    log.add("hold/1", HOLD_ENDED, WITHDRAWN)
    assert side(log) == {"ask_again": ("DONE", at(5), at(6))}
    names = [step.name for step in log.view().steps]
    assert names.index("ask_again") == names.index("await_dispatch") + 1


def test_the_steps_after_the_payment_are_to_be_done_again_once_the_hold_has_ended() -> None:
    log = SagaLog().announced().add("stop_parcel", STOPPED).add("hold/1", HOLD_ENDED, WITHDRAWN)

    assert planned(log, "await_payment").state.value == "RUNNING"
    assert planned(log, "create_shipment").state.value == "PLANNED"


def test_a_parcel_that_is_booked_again_has_passed_the_question() -> None:
    log = SagaLog().announced().add("stop_parcel", STOPPED)
    created = shipping.ShipmentCreated(order_id="o1", shipment_id="shp_2", booking=2)
    log.add("create_shipment/2", created)

    assert side(log)["ask_again"][0] == "DONE"


def test_a_hold_that_ends_after_the_dispatch_belongs_to_the_capture() -> None:
    assert side(SagaLog().shipped().add("hold/1", HOLD_ENDED)) == {}


def test_a_question_that_is_parked_can_be_settled() -> None:
    log = SagaLog().announced().parked("ask_again")

    assert side(log)["ask_again"][0] == "FAILED"
    assert list(log.view().parked) == ["ask_again"]


def requested(refund: int = 1) -> SagaLog:
    event = order.OrderRefundRequested(
        order_id="o1",
        refund=refund,
        amount=Money(amount=100, currency="EUR"),
        price=None,
        lines=(),
        reason="a scratch",
        key="k",
    )
    return SagaLog().completed().add("run", event, workflow="command-RequestRefund-0b9c")


def test_a_requested_refund_begins_with_its_request() -> None:
    log = requested()
    assert side(log) == {"refund_order_1": ("RUNNING", at(9), None)}

    given = Money(amount=100, currency="EUR")
    ended = order.OrderRefundEnded(order_id="o1", refund=1, refunded=given)
    log.add("refund_order_1", ended, workflow="refund-o1-1")
    assert side(log) == {"refund_order_1": ("DONE", at(9), at(10))}


def test_a_requested_refund_is_a_workflow_and_its_command_is_none() -> None:
    assert requested().view().workflow_ids == ["order-o1", "refund-o1-1"]


def failed_refund() -> SagaLog:
    refunded = payment.PaymentRefunded(
        order_id="o1",
        reference="pi_1",
        amount=EUROS,
        refunded_in_all=EUROS,
        purpose="give_back",
    )
    failed = payment.PaymentRefundFailed(
        order_id="o1",
        reference="pi_1",
        failure=1,
        purpose="give_back",
        amount=EUROS,
        refunded_in_all=Money(amount=0, currency="EUR"),
    )
    log = SagaLog().captured().cancellation_requested(CancellationReason.PARCEL_LOST)
    log.add("give_back", refunded).cancelled(CancellationReason.PARCEL_LOST)
    return log.add("refund_failed/1", failed, workflow="aftercare-o1")


def test_a_refund_that_failed_at_the_bank_is_to_be_made_again() -> None:
    log = failed_refund()
    assert side(log)["refund_again_1"] == ("RUNNING", at(10), None)

    log.parked("refund_again_1", undoing=True)
    assert side(log)["refund_again_1"] == ("FAILED", at(10), None)
    assert list(log.view().parked) == ["refund_again_1"]


def test_a_failed_refund_that_is_made_good_is_done() -> None:
    log = failed_refund().parked("refund_again_1").intervened(Intervention.RETRY, "refund_again_1")
    again = payment.PaymentRefunded(
        order_id="o1",
        reference="pi_1",
        amount=EUROS,
        refunded_in_all=EUROS,
        purpose="give_back",
        repeats=1,
    )
    log.add(refund_again(1), again, workflow="aftercare-o1")

    assert side(log)["refund_again_1"] == ("DONE", at(10), at(13))


def test_a_failed_refund_is_over_once_everything_is_given_back() -> None:
    other = payment.PaymentRefundedElsewhere(
        order_id="o1", reference="pi_1", refund_id="re_9", amount=EUROS, refunded_in_all=EUROS
    )

    assert side(failed_refund().add("refunds_elsewhere/4", other))["refund_again_1"][0] == "DONE"


def test_a_parked_step_of_no_plan_is_shown_so_that_it_can_be_settled() -> None:
    log = SagaLog().completed().parked("attend", undoing=True)
    assert side(log) == {"attend": ("FAILED", None, None)}
    assert list(log.view().parked) == ["attend"]

    log.intervened(Intervention.RETRY, "attend")
    assert side(log) == {"attend": ("DONE", None, None)}
