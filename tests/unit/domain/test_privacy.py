from __future__ import annotations

from typing import Final
from uuid import UUID

from domain.order.decide import ORDER
from domain.order.events import OrderCreated, OrderReserved
from domain.order.lines import Address
from domain.privacy import Personal, Sealed, fields_in_clear, personal_fields
from domain.registry import EVENT_TYPES
from tests.unit.domain.examples import CREATED

SEALED: Final = Sealed(subject="ada", key_id=UUID(int=1), ciphertext="c2VhbGVk")


def test_addresses_contacts_and_notes_are_the_only_personal_data_in_the_log() -> None:
    found = {
        name: fields for name, kind in EVENT_TYPES.items() if (fields := personal_fields(kind))
    }
    mark = Personal(subject="customer_id")
    assert found == {
        "OrderCreated": {"shipping_address": mark, "contact": mark},
        "OrderNoteAdded": {"text": mark},
    }


def test_every_address_and_contact_of_every_event_is_marked() -> None:
    for kind in EVENT_TYPES.values():
        types = {name: str(field.annotation) for name, field in kind.model_fields.items()}
        personal = {n for n, text in types.items() if "Address" in text or "Contact" in text}
        assert personal <= personal_fields(kind).keys()


def test_every_subject_is_a_field_of_its_event() -> None:
    for kind in EVENT_TYPES.values():
        subjects = {mark.subject for mark in personal_fields(kind).values()}
        assert subjects <= kind.model_fields.keys()


def test_sealed_data_is_not_in_clear() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED})
    assert set(fields_in_clear(CREATED)) == {"shipping_address", "contact"}
    assert set(fields_in_clear(sealed)) == {"contact"}
    assert fields_in_clear(sealed.model_copy(update={"contact": SEALED})) == {}
    assert fields_in_clear(OrderReserved(order_id="o-1")) == {}


def test_an_order_of_old_with_its_address_in_clear_is_still_read() -> None:
    read = OrderCreated.model_validate_json(CREATED.model_dump_json())
    assert isinstance(read.shipping_address, Address)
    assert read == CREATED


def test_a_contact_that_was_not_given_is_nothing_to_seal() -> None:
    without = CREATED.model_copy(update={"contact": None})
    assert set(fields_in_clear(without)) == {"shipping_address"}
    assert OrderCreated.model_validate_json(without.model_dump_json()) == without


def test_a_sealed_address_is_read_as_a_sealed_address() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED, "contact": SEALED})
    assert OrderCreated.model_validate_json(sealed.model_dump_json()) == sealed


def test_the_state_of_an_order_is_the_same_whether_its_address_can_be_read_or_not() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED})
    assert ORDER.fold([sealed]) == ORDER.fold([CREATED])
    assert "Testham" not in repr(ORDER.fold([CREATED]))
