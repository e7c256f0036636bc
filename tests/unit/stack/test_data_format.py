from __future__ import annotations

from pathlib import Path

import pytest

from stack import data_format
from stored_format import STORED_FORMAT, OtherStoredFormatError


def test_a_folder_without_data_gets_the_number_and_is_accepted_again(tmp_path: Path) -> None:
    data_format.claim(tmp_path)
    assert (tmp_path / "stored_format").read_text() == f"{STORED_FORMAT}\n"
    (tmp_path / "postgres").mkdir()
    data_format.claim(tmp_path)


def test_a_folder_with_data_of_another_number_is_refused_and_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "stored_format").write_text(f"{STORED_FORMAT + 1}\n")
    with pytest.raises(OtherStoredFormatError, match=r"`make clean-data`"):
        data_format.claim(tmp_path)
    assert (tmp_path / "stored_format").read_text() == f"{STORED_FORMAT + 1}\n"


def test_a_number_left_without_data_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "stored_format").write_text("1\n")
    data_format.claim(tmp_path)
    assert (tmp_path / "stored_format").read_text() == f"{STORED_FORMAT}\n"
