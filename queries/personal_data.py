"""The personal data of orders, opened for the viewers who may see it.

The log holds it sealed, and no read model holds it. It is opened for each request anew: a kept
value would outlive an erasure in this process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from domain.order.contact import Contact
from domain.order.decide import ORDER
from domain.order.events import OrderCreated
from domain.order.lines import Address
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.errors import Erased, PrivacyError
from eventstore.privacy.vault import Vault

logger = logging.getLogger(__name__)

PersonalValue = Address | Contact


class PersonalField(StrEnum):
    """The personal fields of OrderCreated."""

    SHIPPING_ADDRESS = "shipping_address"
    CONTACT = "contact"


class Wanted(NamedTuple):
    order_id: str
    field: PersonalField


class Unreadable:
    """A sealed value that does not open, although its customer has not been erased.

    The log of the process names the cause.
    """


class PersonalData:
    """Opens what the log holds of orders. The vault reads the keys from the primary alone."""

    def __init__(self, store: PostgresEventStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def open(self, wanted: Collection[Wanted]) -> list[PersonalValue | Unreadable | None]:
        """Return each of these values: None if there is none, or if it has been erased.

        All of them take one query for the orders and one for the keys.
        """
        placed = await self._placed({want.order_id for want in wanted})
        found = [want for want in wanted if want.order_id in placed]
        fields = [(placed[want.order_id], want.field.value) for want in found]
        opened = dict(zip(found, readable(await self._vault.open_each(fields)), strict=True))
        return [_value(opened.get(want)) for want in wanted]

    async def _placed(self, order_ids: Collection[str]) -> Mapping[str, OrderCreated]:
        """Return the first event of each order that exists."""
        stored = await self._store.load_first_events([ORDER.stream(id_) for id_ in order_ids])
        events = {each.aggregate_id: each.decode() for each in stored}
        return {id_: event for id_, event in events.items() if isinstance(event, OrderCreated)}


def readable(opened: Sequence[object]) -> list[object]:
    """Return what the vault has opened: None if it has been erased, and Unreadable for a fault."""
    _report(opened)
    return [_without_reason(value) for value in opened]


def _without_reason(opened: object) -> object:
    match opened:
        case Erased():
            return None
        case PrivacyError():
            return Unreadable()
        case _:
            return opened


def _value(opened: object) -> PersonalValue | Unreadable | None:
    return opened if isinstance(opened, Address | Contact | None) else Unreadable()


def _report(opened: Iterable[object]) -> None:
    """Log each cause once. It names a key and a setting, and no person."""
    causes = {
        str(each)
        for each in opened
        if isinstance(each, PrivacyError) and not isinstance(each, Erased)
    }
    for cause in sorted(causes):
        logger.error("personal data cannot be read: %s", cause)
