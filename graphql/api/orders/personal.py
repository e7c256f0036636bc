"""The personal data of an order: opened only when a document asks for it, and never kept."""

from __future__ import annotations

from typing import Self

import strawberry
from strawberry.dataloader import DataLoader

from api.errors import RequestError, personal_data_unreadable
from domain.order import contact, lines
from queries.personal_data import PersonalData, PersonalValue, Unreadable, Wanted

PersonalDataLoader = DataLoader[Wanted, PersonalValue | None]


@strawberry.type(description="Where the parcel goes, as the customer wrote it.")
class Address:
    name: str
    company: str | None
    street: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str = strawberry.field(description="ISO 3166-1 alpha-2.")
    phone: str | None = strawberry.field(description="E.164.")

    @classmethod
    def of(cls, address: lines.Address) -> Self:
        return cls(**address.model_dump())


@strawberry.type(description="How to reach the customer.")
class Contact:
    email: str | None
    phone: str | None = strawberry.field(description="E.164.")
    locale: str | None = strawberry.field(description="A language tag of BCP 47.")
    time_zone: str | None = strawberry.field(description="A name of the IANA time zone database.")

    @classmethod
    def of(cls, given: contact.Contact) -> Self:
        return cls(**given.model_dump())


def personal_data_loader(personal: PersonalData) -> PersonalDataLoader:
    """Return a loader that opens all that one step of an operation asks for at once.

    It keeps nothing: the next step, or the next operation of a socket, asks again.
    """

    async def load(wanted: list[Wanted]) -> list[PersonalValue | RequestError | None]:
        opened = await personal.open(wanted)
        return [personal_data_unreadable() if isinstance(v, Unreadable) else v for v in opened]

    return DataLoader(load_fn=load, cache=False)
