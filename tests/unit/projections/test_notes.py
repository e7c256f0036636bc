from __future__ import annotations

import pytest

from domain.note.events import OrderNoteAdded
from projections.notes import NOTES
from projections.tables import order_note
from tests.samples.examples import SEALED
from tests.support.projections import given, recorded_at

NOTE = OrderNoteAdded(order_id="o-1", customer_id="ada", text=SEALED)


def test_the_notes_of_an_order_are_numbered_and_stay_sealed() -> None:
    rows = [
        {
            "order_id": "o-1",
            "number": number,
            "customer_id": "ada",
            "text": SEALED.model_dump(mode="json"),
            "actor": "operator:test",
            "added_at": recorded_at(number),
            "position": number,
        }
        for number in (1, 2)
    ]
    given(NOTES, [NOTE, NOTE]).then({order_note: rows})


def test_a_note_in_clear_text_is_refused_without_its_text() -> None:
    note = NOTE.model_copy(update={"text": "Zaphkiel called"})
    with pytest.raises(TypeError, match=r"^a note is stored sealed: give the store a vault$"):
        given(NOTES, [note]).then({})
