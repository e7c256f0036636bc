"""Compares the log with the providers' books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from temporalio import activity

from activities import interface
from activities.books import Account, Books
from activities.changed_orders import ChangedOrders
from activities.differences import Differences
from activities.few_at_a_time import Done, each
from activities.left_out import left_out
from activities.not_compared import NotCompared
from activities.rotation import Rotation
from activities.types import AtOdds, Compared, Judged, Reconcile
from domain.news import PaymentReported, ShipmentReported
from domain.saga.commands import Book

SECONDS: Final = 60.0
"""After which no order is looked at any more; it waits for the next run."""
KNOWN_AT_MOST: Final = 200
"""Differences on record, looked at again in one run."""
KEPT_BY_PROVIDERS: Final = (Book.PAYMENT, Book.SHIPMENT)


class Listeners(Protocol):
    async def handle_event(self, event: PaymentReported | ShipmentReported) -> None:
        """Tell the saga that waits for these news, if one does."""


@dataclass(frozen=True, slots=True)
class OrdersToCompare:
    """What has changed, what was left before, and in turn all that is open."""

    changed: ChangedOrders
    not_compared: NotCompared
    rotation: Rotation


class ReconciliationActivities(interface.ReconciliationActivities):
    def __init__(
        self, orders: OrdersToCompare, books: Books, differences: Differences, sagas: Listeners
    ) -> None:
        self._orders = orders
        self._books = books
        self._differences = differences
        self._sagas = sagas

    @activity.defn
    async def compare_books(self, reconcile: Reconcile) -> Compared:
        if reconcile.order_id is not None:
            done = await self._look_at([reconcile.order_id])
            return self._compared(done, known=[reconcile.order_id], position=None)
        changed, position = await self._orders.changed.since_last_run()
        in_turn, next_turn = await self._orders.rotation.next()
        left_before = await self._orders.not_compared.some()
        done = await self._look_at([*changed, *in_turn, *left_before])
        known = await self._differences.orders(*KEPT_BY_PROVIDERS, limit=KNOWN_AT_MOST)
        await self._orders.rotation.done(next_turn)
        compared = self._compared(done, known, position)
        if not compared.look_again:
            await self._orders.changed.done(position)
        return compared

    @activity.defn
    async def judge_books(self, compared: Compared) -> Judged:
        async def judge(order_id: str) -> list[AtOdds | None]:
            accounts = await self._books.read(order_id)
            return [await self._judge(order_id, a, compared.at_odds) for a in accounts]

        done = await each(compared.look_again, judge, seconds=SECONDS)
        done.raise_if_nothing_was_done()
        await self._orders.not_compared.note(done.results, done.left)
        if compared.position is not None:
            await self._orders.changed.done(compared.position)
        found = [odds for some in done.results.values() for odds in some if odds is not None]
        return Judged(tuple(found), left_out(done.left))

    async def _look_at(self, order_ids: Sequence[str]) -> Done[str, list[AtOdds]]:
        """Raises only when none of them can be read: then their provider does not answer."""
        done = await each(dict.fromkeys(order_ids), self._look, seconds=SECONDS)
        done.raise_if_nothing_was_done()
        await self._orders.not_compared.note(done.results, done.left)
        return done

    def _compared(
        self, done: Done[str, list[AtOdds]], known: Sequence[str], position: int | None
    ) -> Compared:
        found = [odds for some in done.results.values() for odds in some]
        look_again = {*known, *(odds.order_id for odds in found)} - done.left.keys()
        return Compared(
            count=len(done.results),
            at_odds=tuple(found),
            look_again=tuple(sorted(look_again)),
            pause=self._orders.changed.grace,
            position=position,
            left_out=left_out(done.left),
        )

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
        odds = _at_odds(order_id, account)
        if account.agrees:
            await self._differences.settled(order_id, account.book)
            return None
        if odds not in before and not await self._differences.is_known(order_id, account.book):
            return None
        await self._differences.found(odds)
        return odds


def _at_odds(order_id: str, account: Account) -> AtOdds:
    return AtOdds(order_id, account.book, account.ours, account.theirs)
