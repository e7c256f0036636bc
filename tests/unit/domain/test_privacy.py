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


def test_addresses_and_notes_are_the_only_personal_data_in_the_log() -> None:
    found = {
        name: fields for name, kind in EVENT_TYPES.items() if (fields := personal_fields(kind))
    }
    assert found == {
        "OrderCreated": {"shipping_address": Personal(subject="customer_id")},
        "OrderNoteAdded": {"text": Personal(subject="customer_id")},
    }


def test_every_address_of_every_event_is_marked() -> None:
    for kind in EVENT_TYPES.values():
        with_address = {n for n, f in kind.model_fields.items() if "Address" in str(f.annotation)}
        assert with_address <= personal_fields(kind).keys()


def test_every_subject_is_a_field_of_its_event() -> None:
    for kind in EVENT_TYPES.values():
        subjects = {mark.subject for mark in personal_fields(kind).values()}
        assert subjects <= kind.model_fields.keys()


def test_sealed_data_is_not_in_clear() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED})
    assert set(fields_in_clear(CREATED)) == {"shipping_address"}
    assert fields_in_clear(sealed) == {}
    assert fields_in_clear(OrderReserved(order_id="o-1")) == {}


def test_an_order_of_old_with_its_address_in_clear_is_still_read() -> None:
    read = OrderCreated.model_validate_json(CREATED.model_dump_json())
    assert isinstance(read.shipping_address, Address)
    assert read == CREATED


def test_a_sealed_address_is_read_as_a_sealed_address() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED})
    assert OrderCreated.model_validate_json(sealed.model_dump_json()) == sealed


def test_the_state_of_an_order_is_the_same_whether_its_address_can_be_read_or_not() -> None:
    sealed = CREATED.model_copy(update={"shipping_address": SEALED})
    assert ORDER.fold([sealed]) == ORDER.fold([CREATED])
    assert "Testham" not in repr(ORDER.fold([CREATED]))
