"""Record refunds in the log: those of Waybill by their purpose, and those made elsewhere."""

from __future__ import annotations

from activities.command_handler import CommandHandler, Step
from activities.payments.refunds import Listed, Refunds
from activities.payments.wanted import nearest, wanted_by
from domain.errors import ErrorCode, Refused
from domain.ids import order_workflow_id
from domain.money import Money
from domain.order.decide import ORDER
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
from domain.payment.state import TAKEN, PaymentState
from domain.saga.decide import SAGA
from domain.saga.plan import GIVE_BACK, gives_back
from domain.saga.state import SagaState
from providers.payments import PaymentProvider, ProviderPayment


class RefundRecord:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider
        self._refunds = Refunds(handler, provider)

    async def compare(self, order_id: str) -> None:
        """Record the refunds that the provider lists and Waybill did not ask for."""
        payment = await self._load(order_id)
        if payment.captured and payment.reference is not None:
            await self.record_elsewhere(order_id, await self._refunds.listed(payment.reference))

    async def give(self, order_id: str, purpose: str, wanted: Money) -> list[c.RecordRefund]:
        """Refund `wanted` for this purpose, and return the commands that record it.

        Raises Refused when the captured amount does not allow all of it, and lost disputes have
        not given the rest. The part that it allows is refunded and recorded then. Refunds by hand
        are recorded first, so that a step which parks has them behind it.
        """
        payment = await self._load(order_id)
        if not wanted.amount:
            return []
        reference = _reference(order_id, payment)
        listed = await self._refunds.listed(reference)
        await self.record_elsewhere(order_id, listed, purpose)
        due = await self._nearest(order_id, purpose, wanted, listed)
        listed = await self._refunds.give(
            order_id, purpose, reference, wanted=due, captured=payment.captured, listed=listed
        )
        await self.record_elsewhere(order_id, listed)
        given = listed.by_purpose.get(purpose, 0)
        record = _record(order_id, purpose, given, wanted.currency)
        if due - given > payment.lost:  # a lost dispute has given so much of the rest
            if given:
                part = f"{purpose}/part/{payment.failures}/{given}"
                await self._handler.handle(Step.current(part, order_id), record)
            raise _too_little(order_id, wanted, given, payment, listed)
        return [record]

    async def _nearest(self, order_id: str, purpose: str, wanted: Money, listed: Listed) -> int:
        """Return the amount to give, which the provider can move."""
        unit = self._provider.unit(wanted.currency)
        if unit == 1:
            return wanted.amount
        order = await self._handler.load(ORDER, order_id)
        promised = {**wanted_by(order), purpose: wanted.amount}
        return nearest(purpose, promised, listed.by_purpose, unit)

    async def give_all_back(
        self, order_id: str, payment: PaymentState, captured: ProviderPayment
    ) -> list[c.PaymentCommand]:
        """Refund what is left of a captured payment; return the commands that record it.

        They record its authorization and its capture too, whose answer may have been lost.
        """
        listed = await self._refunds.give(
            order_id,
            GIVE_BACK.name,
            captured.reference,
            wanted=captured.captured,
            captured=captured.captured,
        )
        taken = Money(amount=captured.captured, currency=captured.currency)
        return [
            c.RecordAuthorization(
                aggregate_id=order_id, attempt=payment.attempt, reference=captured.reference
            ),
            c.RecordCapture(aggregate_id=order_id, amount=taken),
            *(
                _record(order_id, purpose, given, taken.currency)
                for purpose, given in sorted(listed.by_purpose.items())
            ),
        ]

    async def given(self, order_id: str, purpose: str) -> int:
        """Return what the log says that Waybill has given back for this purpose."""
        return (await self._load(order_id)).refunds.get(purpose, 0)

    async def _load(self, order_id: str) -> PaymentState:
        return await self._handler.load(PAYMENT, order_id)

    async def record_elsewhere(
        self, order_id: str, listed: Listed, purpose: str | None = None
    ) -> None:
        """Record the refunds in the list that Waybill did not ask for, if they are new.

        `purpose` is the step that is about to give the money back.
        """
        known = (await self._load(order_id)).refunds_elsewhere
        if listed.elsewhere == known:
            return
        saga: SagaState = await self._handler.load(SAGA, order_id)
        is_retried = purpose is not None and purpose in saga.intervention_counts
        is_awaited = is_retried or any(map(gives_back, saga.parked))
        so_far = len(await self._handler.events(PAYMENT, order_id))
        # A key of its own for each change of the payment: webhooks and reconciliation compare too.
        step = Step(order_workflow_id(order_id), f"refunds_elsewhere/{so_far + 1}", order_id)
        record = c.RecordRefundsElsewhere(
            aggregate_id=order_id,
            refunds=listed.elsewhere,
            is_awaited=is_awaited,
        )
        await self._handler.handle(step, record)


def _record(order_id: str, purpose: str, given: int, currency: str) -> c.RecordRefund:
    return c.RecordRefund(
        aggregate_id=order_id, purpose=purpose, given=Money(amount=given, currency=currency)
    )


def _reference(order_id: str, payment: PaymentState) -> str:
    if payment.status not in TAKEN or payment.reference is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the payment of order {order_id} is {payment.status}: nothing can be refunded",
        )
    return payment.reference


def _too_little(
    order_id: str, wanted: Money, given: int, payment: PaymentState, listed: Listed
) -> Refused:
    elsewhere = sum(listed.elsewhere.values())
    return Refused(
        ErrorCode.REFUND_TOO_LARGE,
        f"{wanted.amount} {wanted.currency} are due to the customer of order {order_id}, and only"
        f" {given} were given: {listed.in_all} of the {payment.captured} that were captured are"
        f" refunded, {elsewhere} of them outside Waybill, and operators have given back"
        f" {sum(payment.settled.values())} by other means, and lost disputes {payment.lost} (minor"
        " units). Resolve the step to go on with that",
    )
