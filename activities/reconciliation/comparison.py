"""Compare the log with the providers' records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler
from activities.reconciliation.changed_orders import ChangedOrders
from activities.reconciliation.discrepancies import Discrepancies
from activities.reconciliation.disputed_orders import DisputedOrders
from activities.reconciliation.failed_orders import failed_orders
from activities.reconciliation.open_order_sweep import OpenOrderSweep
from activities.reconciliation.provider_comparison import ProviderComparison, SystemComparison
from activities.reconciliation.repeated_news import RepeatedNews
from activities.reconciliation.unchecked_orders import UncheckedOrders
from activities.tracking import record_tracking
from activities.types.reconciliation import (
    ComparisonResult,
    Discrepancy,
    RecheckResult,
    ReconcileInput,
)
from domain.provider_notifications import PaymentNotification, ShipmentNotification
from domain.saga.commands import ReconciledSystem
from kit.bounded_gather import GatherResult, bounded_gather

MAX_SECONDS: Final = 60.0
"""The time of one run; the remaining orders wait for the next run."""
MAX_KNOWN_DISCREPANCIES: Final = 200
"""The recorded discrepancies that one run looks at again."""
KEPT_BY_PROVIDERS: Final = (ReconciledSystem.PAYMENT, ReconciledSystem.SHIPMENT)


class Listeners(Protocol):
    async def handle_event(self, event: PaymentNotification | ShipmentNotification) -> None:
        """Notify the saga that waits for this notification, if there is one."""


@dataclass(frozen=True, slots=True)
class OrdersToCompare:
    """The changed orders, those that failed before, some open orders in turn, and the disputed."""

    changed: ChangedOrders
    unchecked_orders: UncheckedOrders
    sweep: OpenOrderSweep
    disputed: DisputedOrders


class ReconciliationActivitiesImpl(interface.ReconciliationActivities):
    def __init__(
        self,
        orders: OrdersToCompare,
        comparison: ProviderComparison,
        discrepancies: Discrepancies,
        sagas: Listeners,
        handler: CommandHandler,
    ) -> None:
        self._handler = handler
        self._orders = orders
        self._comparison = comparison
        self._discrepancies = discrepancies
        self._sagas = sagas
        self._news = RepeatedNews()

    @activity.defn
    async def compare(self, reconcile: ReconcileInput) -> ComparisonResult:
        for notification in await self._orders.disputed.missed():
            await self._notify(notification)
        if reconcile.order_id is not None:
            done = await self._look_at([reconcile.order_id])
            return self._compared(done, known=[reconcile.order_id], position=None)
        changed, position = await self._orders.changed.since_last_run()
        swept, next_position = await self._orders.sweep.next()
        left_before = await self._orders.unchecked_orders.some()
        done = await self._look_at([*changed, *swept, *left_before])
        known = await self._discrepancies.orders(*KEPT_BY_PROVIDERS, limit=MAX_KNOWN_DISCREPANCIES)
        await self._orders.sweep.done(next_position)
        compared = self._compared(done, known, position)
        if not compared.look_again:
            await self._orders.changed.done(position)
        return compared

    @activity.defn
    async def recheck(self, compared: ComparisonResult) -> RecheckResult:
        async def judge(order_id: str) -> list[Discrepancy | None]:
            comparisons = await self._comparison.read(order_id)
            return [await self._judge(order_id, a, compared.discrepancies) for a in comparisons]

        done = await bounded_gather(compared.look_again, judge, seconds=MAX_SECONDS)
        done.raise_if_nothing_was_done()
        await self._orders.unchecked_orders.note(done.results, done.left)
        if compared.position is not None:
            await self._orders.changed.done(compared.position)
        found = [
            discrepancy
            for some in done.results.values()
            for discrepancy in some
            if discrepancy is not None
        ]
        return RecheckResult(tuple(found), failed_orders(done.left))

    async def _look_at(self, order_ids: Sequence[str]) -> GatherResult[str, list[Discrepancy]]:
        """Compare the orders. Raises only when none can be read: then their provider does not
        answer."""
        done = await bounded_gather(dict.fromkeys(order_ids), self._look, seconds=MAX_SECONDS)
        done.raise_if_nothing_was_done()
        await self._orders.unchecked_orders.note(done.results, done.left)
        return done

    def _compared(
        self, done: GatherResult[str, list[Discrepancy]], known: Sequence[str], position: int | None
    ) -> ComparisonResult:
        found = [discrepancy for some in done.results.values() for discrepancy in some]
        look_again = {*known, *(discrepancy.order_id for discrepancy in found)} - done.left.keys()
        return ComparisonResult(
            count=len(done.results),
            discrepancies=tuple(found),
            look_again=tuple(sorted(look_again)),
            pause=self._orders.changed.grace,
            position=position,
            failed_orders=failed_orders(done.left),
        )

    async def _look(self, order_id: str) -> list[Discrepancy]:
        """Compare one order; notify its saga when the provider is ahead of the log of an open
        order.

        The tracking number is recorded here: no notification announces one that changes while the
        parcel is under way.
        """
        comparisons = await self._comparison.read(order_id)
        for comparison in comparisons:
            if comparison.notification is not None:
                await self._notify(comparison.notification)
            if comparison.has_other_refunds:
                await self._comparison.record_refunds(order_id)
            await record_tracking(self._handler, order_id, comparison.tracking)
        return [
            _discrepancy(order_id, comparison)
            for comparison in comparisons
            if not comparison.agrees
        ]

    async def _notify(self, notification: PaymentNotification | ShipmentNotification) -> None:
        if self._news.is_due(notification):
            await self._sagas.handle_event(notification)

    async def _judge(
        self, order_id: str, comparison: SystemComparison, before: Sequence[Discrepancy]
    ) -> Discrepancy | None:
        """Ignore a discrepancy that changed between the two looks: its step is still in
        progress."""
        discrepancy = _discrepancy(order_id, comparison)
        if comparison.agrees:
            await self._discrepancies.settled(order_id, comparison.system)
            return None
        if discrepancy not in before and not await self._discrepancies.is_known(
            order_id, comparison.system
        ):
            return None
        await self._discrepancies.found(discrepancy)
        return discrepancy


def _discrepancy(order_id: str, comparison: SystemComparison) -> Discrepancy:
    return Discrepancy(order_id, comparison.system, comparison.ours, comparison.theirs)
