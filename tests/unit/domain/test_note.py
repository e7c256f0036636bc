from __future__ import annotations

from typing import Final

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode, Refused
from domain.note.commands import MAX_NOTES, AddOrderNote
from domain.note.decide import NOTE
from domain.note.events import OrderNoteAdded
from domain.note.state import NotesState

ADD: Final = AddOrderNote(aggregate_id="o-1", customer_id="ada", text="Call first")
ADDED: Final = OrderNoteAdded(order_id="o-1", customer_id="ada", text="Call first")


def test_a_note_is_added_with_its_text() -> None:
    assert NOTE.decide(ADD, NOTE.initial) == [ADDED]
    assert NOTE.decide(ADD, NOTE.fold([ADDED])) == [ADDED]


def test_an_order_has_a_limited_number_of_notes() -> None:
    assert NOTE.decide(ADD, NotesState(MAX_NOTES - 1)) == [ADDED]

    with pytest.raises(Refused) as caught:
        NOTE.decide(ADD, NotesState(MAX_NOTES))

    assert caught.value.code is ErrorCode.WRONG_STATE


@pytest.mark.parametrize("text", ["", " \n ", "a\x00", "a\tb", "a\x85b", "x" * 2_001, "\ud800", 7])
def test_a_note_is_a_text_of_limited_length(text: object) -> None:
    with pytest.raises(ValidationError) as caught:
        AddOrderNote.model_validate({**ADD.model_dump(), "text": text})
    assert [fault["loc"] for fault in caught.value.errors()] == [("text",)]


def test_a_note_may_have_several_lines_in_any_script() -> None:
    note = AddOrderNote.model_validate({**ADD.model_dump(), "text": " 茶\n\nØ \n"})
    assert note.text == "茶\n\nØ"


def test_no_text_of_a_note_shows_what_it_says() -> None:
    for shown in (repr(ADD), str(ADD), repr(ADDED), str(ADDED)):
        assert "Call first" not in shown
