"""Compares the log with the providers' books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from temporalio import activity

from activities import interface
from activities.books import Account, Books
from activities.changed_orders import ChangedOrders
from activities.command_handler import CommandHandler, Step
from activities.few_at_a_time import each
from activities.types import AtOdds, Compared, Reconcile
from domain.ids import order_workflow_id
from domain.news import PaymentReported, ShipmentReported
from domain.saga.commands import RecordDifference, SettleDifference
from domain.saga.decide import SAGA


class Listeners(Protocol):
    async def handle_event(self, event: PaymentReported | ShipmentReported) -> None:
        """Tell the saga that waits for these news, if one does."""


class ReconciliationActivities(interface.ReconciliationActivities):
    def __init__(
        self, handler: CommandHandler, changed: ChangedOrders, books: Books, sagas: Listeners
    ) -> None:
        self._handler = handler
        self._changed = changed
        self._books = books
        self._sagas = sagas

    @activity.defn
    async def compare_books(self, reconcile: Reconcile) -> Compared:
        if reconcile.order_id is not None:
            changed, position = [reconcile.order_id], None
            known = changed
        else:
            changed, position = await self._changed.since_last_run()
            known = await self._changed.at_odds()
        found = [odds for some in await each(changed, self._look) for odds in some]
        return Compared(
            count=len(changed),
            at_odds=tuple(found),
            look_again=tuple(sorted({*known, *(odds.order_id for odds in found)})),
            pause=self._changed.grace,
            position=position,
        )

    @activity.defn
    async def judge_books(self, compared: Compared) -> tuple[AtOdds, ...]:
        async def judge(order_id: str) -> list[AtOdds | None]:
            accounts = await self._books.read(order_id)
            return [await self._judge(order_id, a, compared.at_odds) for a in accounts]

        found = [odds for some in await each(compared.look_again, judge) for odds in some if odds]
        if compared.position is not None:
            await self._changed.done(compared.position)
        return tuple(found)

    async def _look(self, order_id: str) -> list[AtOdds]:
        """Where the provider says more than the log of an open order, its saga is told."""
        accounts = await self._books.read(order_id)
        for account in accounts:
            if account.news is not None:
                await self._sagas.handle_event(account.news)
        return [_at_odds(order_id, account) for account in accounts if not account.agrees]

    async def _judge(
        self, order_id: str, account: Account, before: Sequence[AtOdds]
    ) -> AtOdds | None:
        """What moved between the two looks is on its way, and has a turn of its own."""
        book = account.book
        saga = await self._handler.events(SAGA, order_id)
        is_known = book in SAGA.fold(event.decode() for event in saga).differences
        step = Step(
            order_workflow_id(order_id), f"reconcile/{book.lower()}/{len(saga) + 1}", order_id
        )
        odds = _at_odds(order_id, account)
        if account.agrees:
            if is_known:
                await self._handler.handle(step, SettleDifference(aggregate_id=order_id, book=book))
            return None
        if not is_known and odds not in before:
            return None
        difference = RecordDifference(
            aggregate_id=order_id, book=book, ours=account.ours, theirs=account.theirs
        )
        await self._handler.handle(step, difference)
        return odds


def _at_odds(order_id: str, account: Account) -> AtOdds:
    return AtOdds(order_id, account.book, account.ours, account.theirs)
