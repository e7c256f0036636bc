"""List the commands of the random sequences, for two aggregates of each category.

The second aggregate shows a statement that changes the row of another. A command that is listed
several times is drawn more often, so that many sequences reach the later events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from domain.command import Command
from domain.inventory import commands as inventory
from domain.inventory.commands import AdjustmentReason
from domain.money import Money
from domain.note.commands import AddOrderNote
from domain.order import commands as order
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.lines import Address, ReturnedLine
from domain.order.price import Price
from domain.payment import commands as payment
from domain.payment.commands import DisputeOutcome
from domain.product.commands import ChangePrice, DiscontinueProduct, ListProduct
from domain.saga import commands as saga
from domain.saga.commands import Intervention, ReconciledSystem, RecoveryCause
from domain.shipping import commands as shipping
from domain.shipping.tracking import TrackingInfo
from tests.support.order_parts import PLACED_AT, PROMISES, a_line

IDS: Final = ("a", "b")


def euros(cents: int) -> Money:
    return Money(amount=cents, currency="EUR")


def orders(id_: str) -> Sequence[Command]:
    lines = (
        a_line("cup", quantity=2, unit_price=450, discount=91, tax=154),
        a_line("pot", quantity=1, unit_price=2_100, discount=209, tax=359),
    )
    place = order.PlaceOrder(
        aggregate_id=id_,
        customer_id=f"customer-of-{id_}",
        lines=lines,
        price=Price.of(lines, "EUR", shipping=490, shipping_tax=93),
        payment_method="pm_card_visa",
        shipping_address=Address(
            name="Ada", street="1 Sample Street", city="Testham", postal_code="1", country="GB"
        ),
        fingerprint=f"fingerprint-of-{id_}",
        promises=PROMISES,
        reference="shop-1" if id_ == "a" else None,
        metadata={"channel": "web"} if id_ == "a" else {},
        discount_code="WELCOME" if id_ == "a" else None,
    )
    forward = [
        order.MarkReserved(aggregate_id=id_),
        order.MarkAuthorized(aggregate_id=id_),
        order.ConfirmOrder(aggregate_id=id_),
        order.MarkShipped(aggregate_id=id_),
        order.MarkDelivered(aggregate_id=id_),
    ]
    cancel, lost = CancellationReason.CUSTOMER_REQUEST, CancellationReason.PARCEL_LOST
    return [
        *[place, *forward] * 4,
        order.CompleteOrder(aggregate_id=id_),
        order.RejectOrder(aggregate_id=id_, reason=RejectionReason.OUT_OF_STOCK, sku="cup"),
        order.RequestCancellation(aggregate_id=id_, reason=cancel),
        order.RequestCancellation(aggregate_id=id_, reason=lost, after_dispatch=True),
        *[order.WithdrawCancellation(aggregate_id=id_)] * 2,
        *[order.WithdrawConfirmation(aggregate_id=id_)] * 2,
        order.CancelOrder(aggregate_id=id_),
        *[order.RequestReturn(aggregate_id=id_)] * 2,
        *[
            order.RequestReturn(aggregate_id=id_, lines=(ReturnedLine(sku="cup", quantity=1),)),
            order.FinishReturn(aggregate_id=id_, refunded=0),
        ]
        * 3,
        *[order.LapseReturn(aggregate_id=id_), order.ResumeReturn(aggregate_id=id_)] * 3,
        order.RequestRefund(
            aggregate_id=id_, key="key-1", reason="a scratch", captured=10_000, amount=1
        ),
        order.RequestRefund(
            aggregate_id=id_,
            key="key-2",
            reason="a scratch",
            captured=10_000,
            lines=(ReturnedLine(sku="cup", quantity=1),),
        ),
        order.EndRefund(aggregate_id=id_, refund=1, refunded=1),
        order.EndRefund(aggregate_id=id_, refund=2, refunded=0),
    ]


def notes(id_: str) -> Sequence[Command]:
    return [
        AddOrderNote(aggregate_id=id_, customer_id=f"customer-of-{id_}", text=text)
        for text in ("One line", "Two\nlines")
    ]


def attempts_to_pay(id_: str, attempt: int) -> Sequence[Command]:
    reference = f"pi-{id_}-{attempt}"
    request = payment.RequestPayment(
        aggregate_id=id_, attempt=attempt, amount=euros(500 + attempt), method="pm_card_visa"
    )
    return [
        *[request] * 5,
        *[
            payment.RecordPending(
                aggregate_id=id_, attempt=attempt, reference=reference, action_url=url
            )
            for url in (None, f"https://bank/{id_}/{attempt}", f"https://bank/{id_}/{attempt}/new")
        ]
        * 2,
        *[payment.RecordAuthorization(aggregate_id=id_, attempt=attempt, reference=reference)] * 3,
        payment.RecordDecline(
            aggregate_id=id_, attempt=attempt, reference=reference, code="card_declined"
        ),
        payment.RecordRefusal(aggregate_id=id_, attempt=attempt, code="amount_too_small"),
    ]


def payments(id_: str) -> Sequence[Command]:
    return [
        *attempts_to_pay(id_, 1),
        *attempts_to_pay(id_, 2),
        *attempts_to_pay(id_, 3),
        *[
            payment.RecordHoldEnd(aggregate_id=id_, attempt=attempt, cause=cause)
            for attempt, cause in enumerate(payment.HoldEnd, start=1)
        ]
        * 3,
        *[payment.RecordCapture(aggregate_id=id_, amount=euros(450))] * 4,
        payment.RecordRefund(aggregate_id=id_, purpose="refund", given=euros(200)),
        payment.RecordRefund(aggregate_id=id_, purpose="refund", given=euros(450)),
        *[payment.RecordRefundFailure(aggregate_id=id_, purpose="refund", remains=euros(100))] * 2,
        payment.RecordRefundsElsewhere(aggregate_id=id_, refunds={"re_1": 50, "re_2": 25}),
        payment.RecordRefundsElsewhere(aggregate_id=id_, refunds={"re_2": 25}),
        *[dispute(id_, outcome) for outcome in (None, *DisputeOutcome)],
        payment.RecordRefundSettlement(aggregate_id=id_, step="refund_order_1", due=100),
        payment.RecordSettlement(aggregate_id=id_, step="give_back", is_given_back=True),
        payment.RecordVoid(aggregate_id=id_, attempt=3),
    ]


def dispute(id_: str, outcome: DisputeOutcome | None) -> payment.RecordDispute:
    return payment.RecordDispute(
        aggregate_id=id_,
        dispute_id=f"dp-{id_}",
        amount=euros(150),
        reason="fraudulent",
        outcome=outcome,
    )


def shipments(id_: str) -> Sequence[Command]:
    return [
        shipping.RecordShipment(aggregate_id=id_, shipment_id=f"ship-{id_}"),
        *[
            shipping.RecordTracking(aggregate_id=id_, tracking=tracking)
            for tracking in (
                TrackingInfo(number=f"track-{id_}"),
                TrackingInfo(
                    number=f"track-{id_}-2", carrier="Post", url=f"https://post.example/{id_}"
                ),
            )
        ]
        * 2,
        shipping.RecordShipmentStopped(aggregate_id=id_, booking=1, attempt=1),
        shipping.RecordShipment(aggregate_id=id_, shipment_id=f"ship-{id_}-2", booking=2),
        shipping.RecordDispatch(aggregate_id=id_),
        shipping.RecordDelivery(aggregate_id=id_),
        shipping.RecordShipmentCancelled(aggregate_id=id_),
        shipping.RecordLoss(aggregate_id=id_),
        shipping.RecordReturnToSender(aggregate_id=id_),
        shipping.RecordReturnShipment(aggregate_id=id_, return_id=f"return-{id_}"),
        shipping.RecordGoodsBack(aggregate_id=id_),
    ]


def stock(id_: str) -> Sequence[Command]:
    """Return commands in which both orders want both products."""
    adjust = [
        inventory.AdjustStock(aggregate_id=id_, difference=difference, reason=reason)
        for difference, reason in ((-1, AdjustmentReason.LOST), (3, AdjustmentReason.COUNTED))
    ]
    receive = [inventory.ReceiveStock(aggregate_id=id_, quantity=quantity) for quantity in (1, 4)]
    of_an_order = [
        command
        for order_id in ("order-1", "order-2")
        for command in (
            inventory.ReserveStock(aggregate_id=id_, order_id=order_id, quantity=2),
            inventory.QueueBackorder(
                aggregate_id=id_, order_id=order_id, quantity=2, since=PLACED_AT
            ),
            inventory.ReleaseStock(aggregate_id=id_, order_id=order_id),
            *[inventory.CommitStock(aggregate_id=id_, order_id=order_id)] * 2,
            *[inventory.ReturnStock(aggregate_id=id_, order_id=order_id, quantity=1)] * 2,
        )
    ]
    return [*receive, *adjust, *of_an_order]


def products(id_: str) -> Sequence[Command]:
    return [
        *(
            ListProduct(aggregate_id=id_, name=f"{name} {id_}", price=price)
            for name in ("Cup", "Mug")
            for price in (euros(450), Money(amount=500, currency="USD"))
        ),
        *(ChangePrice(aggregate_id=id_, price=euros(cents)) for cents in (451, 452)),
        DiscontinueProduct(aggregate_id=id_),
    ]


def sagas(id_: str) -> Sequence[Command]:
    parkings = [
        saga.ParkStep(
            aggregate_id=id_,
            step=step,
            undoing=step == "release",
            code="WRONG_STATE",
            message=f"{step} failed",
            workflow_id=f"workflow-of-{id_}",
        )
        for step in ("release", "complete", "capture")
    ]
    intervention_counts = [
        saga.InterveneOnStep(
            aggregate_id=id_, step=step, parking=parking, kind=intervention, reason="by hand"
        )
        for step in ("release", "complete", "capture")
        for parking in (1, 2, 3)
        for intervention in Intervention
    ]
    discrepancies = [
        command
        for system in (ReconciledSystem.PAYMENT, ReconciledSystem.SHIPMENT)
        for command in (
            saga.RecordDiscrepancy(aggregate_id=id_, system=system, ours="paid", theirs="declined"),
            saga.RecordDiscrepancy(aggregate_id=id_, system=system, ours="lost", theirs="unknown"),
            saga.AcceptDiscrepancy(
                aggregate_id=id_, system=system, ours="paid", theirs="declined", reason="known"
            ),
            saga.ResolveDiscrepancy(aggregate_id=id_, system=system),
        )
    ]
    unparkings = [
        saga.UnparkStep(aggregate_id=id_, step=step, parking=parking)
        for step in ("release", "complete", "capture")
        for parking in (1, 2, 3)
    ]
    recover = saga.RecoverSaga(aggregate_id=id_, cause=RecoveryCause.MISSING)
    return [*parkings, *unparkings, *intervention_counts, *discrepancies, recover]


COMMANDS: Final[Mapping[str, Sequence[Command]]] = {
    category: [command for id_ in IDS for command in commands(id_)]
    for category, commands in {
        "inventory": stock,
        "note": notes,
        "order": orders,
        "payment": payments,
        "product": products,
        "saga": sagas,
        "shipment": shipments,
    }.items()
}
"""The commands, by the category of their stream."""
