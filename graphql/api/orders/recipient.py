"""Turn the address and the contact of an order into values of the domain, or into errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import strawberry
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from api.orders.inputs import PlaceOrderInput
from api.user_errors import UserError, input_error
from domain.errors import ErrorCode
from domain.order.address_rules import address_of
from domain.order.contact import Contact
from domain.order.contact_rules import contact_of
from domain.order.faults import Faulty
from domain.order.lines import Address


def address_in(order: PlaceOrderInput) -> Address:
    """Return the address. Raises ValidationError for a wrong form, and Faulty by its country."""
    return address_of(Address.model_validate(strawberry.asdict(order.shipping_address)))


def contact_in(order: PlaceOrderInput) -> Contact | None:
    """Return the contact, or None when no field has a value. Raises Faulty."""
    given = order.contact
    if given is None:
        return None
    texts = {
        "email": given.email,
        "phone": given.phone,
        "locale": given.locale,
        "time_zone": given.time_zone,
    }
    return contact_of(texts, order.shipping_address.country)


def check_recipient(order: PlaceOrderInput) -> Iterator[UserError]:
    """Yield the faults by the customs of the country, and those of the contact."""
    try:
        with suppress(ValidationError):  # check_input() reports a wrong form
            address_in(order)
    except Faulty as faulty:
        yield from _errors("shippingAddress", faulty)
    try:
        contact_in(order)
    except Faulty as faulty:
        yield from _errors("contact", faulty)


def _errors(input_name: str, faulty: Faulty) -> Iterator[UserError]:
    for field, message in faulty.faults:
        yield input_error(ErrorCode.INVALID_INPUT, message, input_name, to_camel(field))
