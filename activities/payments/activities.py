"""Ask the payment provider and record its answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.figures import count_capture
from activities.payments.attempts import Attempts
from activities.payments.creation import Creation
from activities.payments.holds import Holds, owed
from activities.payments.order_refunds import OrderRefunds
from activities.payments.record import PaymentRecord
from activities.payments.refund_record import RefundRecord
from activities.saga import load_progress
from activities.tracking import tracking_commands
from activities.types.order import OrderProgress, RecordedResult
from activities.types.payment import (
    AuthorizationResult,
    AuthorizeInput,
    HoldInput,
    HoldResult,
    RefundInput,
)
from activities.types.shipping import ParcelInput
from domain.errors import ErrorCode, Refused
from domain.inventory.commands import CommitStock, ReturnStock
from domain.order.commands import FinishReturn, MarkShipped
from domain.order.state import CANCELLABLE, CANCELLABLE_AFTER_DISPATCH
from domain.payment import commands as c
from domain.payment.hold import DEFAULT_HOLD
from domain.payment.state import RETRYABLE, TAKEN, UNSETTLED, PaymentState, PaymentStatus
from domain.saga.plan import GIVE_BACK, REFUND
from domain.shipping.commands import RecordDispatch, RecordGoodsBack
from domain.shipping.decide import SHIPMENT
from domain.shipping.events import ShipmentDispatched
from providers.errors import CreationRefused, ProviderRefused
from providers.payments import PaymentProvider, ProviderPayment, ProviderPaymentState


class PaymentActivitiesImpl(interface.PaymentActivities):
    def __init__(
        self,
        handler: CommandHandler,
        provider: PaymentProvider,
        default_hold: timedelta = DEFAULT_HOLD,
    ) -> None:
        self._handler = handler
        self._provider = provider
        self._record = PaymentRecord(handler, default_hold)
        self._holds = Holds(handler, provider, self._record)
        self._attempts = Attempts(provider)
        self._creation = Creation(self._record, provider)
        self._refunds = RefundRecord(handler, provider)
        self._order_refunds = OrderRefunds(handler, self._refunds)

    @activity.defn
    async def authorize(self, order_id: str) -> AuthorizationResult:
        payment = await self._record.load(order_id)
        if payment.status is not None:
            return await self._settle(order_id, payment, looks=True)
        order = await self._record.order(order_id)
        if order.status not in CANCELLABLE:
            raise Refused(
                ErrorCode.WRONG_STATE, f"order {order_id} is {order.status}: it must not be paid"
            )
        if not order.needs_payment:
            return await self._record.confirm_unpaid(order_id)
        await self._provider.require_ready()  # before the log has an attempt to undo
        await self._record.request(AuthorizeInput(order_id, attempt=1), order)
        payment = PaymentState(
            PaymentStatus.REQUESTED, attempt=1, amount=order.total, method=order.payment_method
        )
        return await self._settle(order_id, payment, looks=False)

    @activity.defn
    async def authorize_again(self, authorize: AuthorizeInput) -> AuthorizationResult:
        order_id = authorize.order_id
        await self._record.request(authorize, await self._record.order(order_id))
        # Use the method in the log: the update that brought it may have been lost.
        payment = await self._record.load(order_id)
        return await self._settle(order_id, payment, looks=True)

    @activity.defn
    async def restore(self, order_id: str) -> None:
        order = await self._record.order(order_id)
        if not order.needs_payment:
            return
        while (payment := await self._record.load(order_id)).status in {None, *RETRYABLE}:
            attempt = payment.attempt + 1
            lost = PaymentState(
                PaymentStatus.REQUESTED, attempt, order.total, method=order.payment_method
            )
            try:
                answer = await self._attempts.look(order_id, lost)
            except CreationRefused:
                return
            if answer.state is ProviderPaymentState.CREATED:
                return
            await self._record.request(AuthorizeInput(order_id, attempt), order)
            await self._conclude(order_id, lost, answer)

    @activity.defn
    async def request_payment(self, authorize: AuthorizeInput) -> RecordedResult:
        order = await self._record.order(authorize.order_id)
        done = await self._record.request(authorize, order)
        return RecordedResult(done.position, done.call)

    @activity.defn
    async def look_up(self, order_id: str) -> AuthorizationResult:
        payment = await self._record.load(order_id)
        if payment.status not in UNSETTLED:
            return await self._record.outcome(order_id)
        async with self._creation.recorded(order_id, payment.attempt):
            answer = await self._attempts.look(order_id, payment)
        return await self._conclude(order_id, payment, answer)

    @activity.defn
    async def give_back(self, order_id: str) -> None:
        while not await self._has_given_back(order_id):
            pass  # another attempt has started since

    @activity.defn
    async def capture(self, parcel: ParcelInput) -> None:
        order_id = parcel.order_id
        dispatched_at = await self._dispatch(parcel)
        payment = await self._record.load(order_id)
        if payment.status in TAKEN or await self._record.is_unpaid(order_id, payment):
            return
        if payment.status in RETRYABLE:
            raise owed(order_id)
        if payment.status is not PaymentStatus.AUTHORIZED or payment.reference is None:
            raise Refused(
                ErrorCode.WRONG_STATE,
                f"the payment of order {order_id} is {payment.status}: nothing can be captured",
            )
        due = payment.amount
        try:
            await self._provider.capture(
                reference=payment.reference, amount=due.amount, currency=due.currency
            )
        except ProviderRefused:
            await self._holds.check_owed(order_id, payment)
            raise
        await self._handler.handle(
            Step.current("capture", order_id),
            c.RecordCapture(aggregate_id=order_id, amount=payment.amount),
        )
        count_capture(dispatched_at)

    @activity.defn
    async def check_hold(self, order_id: str) -> HoldResult:
        return await self._holds.check(order_id)

    @activity.defn
    async def end_hold(self, hold: HoldInput) -> OrderProgress:
        return await self._holds.end(hold)

    @activity.defn
    async def release_hold(self, parcel: ParcelInput) -> None:
        await self._dispatch(parcel)
        await self._holds.release(parcel.order_id)

    @activity.defn
    async def refund(self, order_id: str) -> OrderProgress:
        order = await self._record.order(order_id)
        returning = order.returning
        if returning is not None:
            refunds = (
                await self._refunds.give(order_id, REFUND.name, returning.refund.money)
                if order.needs_payment
                else []
            )
            await self._handler.handle(
                Step.current("refund", order_id),
                *refunds,
                *(
                    ReturnStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
                    for line in returning.lines
                ),
                RecordGoodsBack(aggregate_id=order_id),
                FinishReturn(
                    aggregate_id=order_id, refunded=sum(each.given.amount for each in refunds)
                ),
            )
        return await load_progress(self._handler, order_id)

    @activity.defn
    async def record_refunds(self, order_id: str) -> None:
        await self._refunds.compare(order_id)

    @activity.defn
    async def refund_order(self, refund: RefundInput) -> None:
        await self._order_refunds.give(refund)

    @activity.defn
    async def end_refund(self, refund: RefundInput) -> None:
        await self._order_refunds.end(refund)

    async def _settle(
        self, order_id: str, payment: PaymentState, *, looks: bool
    ) -> AuthorizationResult:
        """Make sure that the latest attempt is made, once. `looks`: it may have been made
        before."""
        if payment.status is PaymentStatus.REFUSED:
            payment, looks = await self._creation.renewed(order_id, payment), False
        if payment.status not in UNSETTLED:
            return await self._record.outcome(order_id)
        async with self._creation.recorded(order_id, payment.attempt, is_first=not looks):
            answer = await self._attempts.look(order_id, payment) if looks else None
            if answer is None or await self._is_to_be_made(order_id, answer):
                answer = await self._attempts.make(order_id, payment)
        return await self._conclude(order_id, payment, answer)

    async def _is_to_be_made(self, order_id: str, answer: ProviderPayment) -> bool:
        if answer.state is not ProviderPaymentState.CREATED:
            return False
        status = (await self._record.order(order_id)).status
        return status in CANCELLABLE_AFTER_DISPATCH  # a parcel that has left may still be owed

    async def _conclude(
        self, order_id: str, payment: PaymentState, answer: ProviderPayment
    ) -> AuthorizationResult:
        try:
            return await self._record.answer(order_id, payment, answer)
        except Refused as refused:
            if refused.code is not ErrorCode.PAYMENT_SUPERSEDED:
                raise
        await self._attempts.free(order_id, payment, payment.attempt, answer.reference)
        return await self._record.outcome(order_id)

    async def _dispatch(self, parcel: ParcelInput) -> datetime:
        """Record that the parcel has left, independently of the capture that follows.

        Return the time of that record.
        """
        order_id = parcel.order_id
        order = await self._record.order(order_id)
        if order.has_shipped:
            shipment = await self._handler.events(SHIPMENT, order_id)
            dispatched = (s.recorded_at for s in shipment if s.type == ShipmentDispatched.__name__)
            return next(dispatched, datetime.now(UTC))
        await self._handler.handle(
            Step.current("capture/dispatch", order_id),
            MarkShipped(aggregate_id=order_id),
            RecordDispatch(aggregate_id=order_id),
            *tracking_commands(order_id, parcel.tracking),
            *(CommitStock(aggregate_id=line.sku, order_id=order_id) for line in order.lines),
        )
        return datetime.now(UTC)

    async def _has_given_back(self, order_id: str) -> bool:
        payment = await self._record.load(order_id)
        if await self._record.is_unpaid(order_id, payment):
            return True
        if payment.status is PaymentStatus.SETTLED_BY_OPERATOR:
            _require_given_back(order_id, payment)
            return True
        captured = None
        if payment.status is not PaymentStatus.VOIDED:
            captured = await self._attempts.free_until(order_id, payment, payment.attempt)
        step = Step.current("give_back", order_id)
        if captured is not None:
            await self._handler.handle(
                step, *await self._refunds.give_all_back(order_id, payment, captured)
            )
            await self._refunds.compare(order_id)
            return True
        try:
            await self._handler.handle(
                step, c.RecordVoid(aggregate_id=order_id, attempt=payment.attempt)
            )
        except Refused as refused:
            if refused.code is not ErrorCode.PAYMENT_SUPERSEDED:
                raise
            return False
        return True


def _require_given_back(order_id: str, payment: PaymentState) -> None:
    """Raise Refused when an operator has settled the capture: Waybill does not know the money."""
    if GIVE_BACK.name not in payment.settled:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"an operator has settled the payment of order {order_id} outside Waybill: give back"
            " outside Waybill what the customer has paid, and resolve the step",
        )
