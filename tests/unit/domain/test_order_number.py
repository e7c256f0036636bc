from __future__ import annotations

import re
from itertools import combinations
from typing import Final

import pytest

from domain.order.number import ALPHABET, order_number, read_number

NUMBERS: Final = [order_number(f"order-{i}", candidate) for i in range(20) for candidate in (0, 1)]


def test_numbers_are_the_same_in_every_release() -> None:
    assert [order_number("order-of-ada", candidate) for candidate in range(3)] == [
        "W-NZCPARBRQ5",
        "W-ARW73YBCWA",
        "W-0W2E2QANHD",
    ]


def test_a_number_has_ten_characters_of_which_no_two_look_alike() -> None:
    assert all(re.fullmatch(r"W-[0-9A-HJKMNP-TV-Z]{10}", number) for number in NUMBERS)
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize(
    "written",
    [
        "W-NZCPARBRQ5",
        "w-nzcparbrq5",
        "WNZCPARBRQ5",
        "wNzCpArBrQ5",
        " W-NZCPARBRQ5\n",
    ],
)
def test_a_number_is_read_in_any_case_and_without_its_hyphen(written: str) -> None:
    assert read_number(written) == "W-NZCPARBRQ5"


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    number = next(n for i in range(9_999) if {*"01"} <= {*(n := order_number(str(i), 0))})
    assert read_number(number.replace("0", "O").replace("1", "I")) == number
    assert read_number(number.replace("0", "o").replace("1", "l")) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "W-",
        "NZCPARBRQ5",
        "W-NZCPARBRQ",
        "W-NZCPARBRQ55",
        "W--NZCPARBRQ5",
        "W-NZCPA-RBRQ5",
        "W-NZCPARBRU5",
        "W-NZCPARBRQ\u0665",
        "W-NZCPARBRQ5\x00",
        "order-of-ada",
    ],
)
def test_any_other_text_is_no_number(written: str) -> None:
    assert read_number(written) is None


@pytest.mark.parametrize("number", NUMBERS)
def test_one_wrong_character_is_detected(number: str) -> None:
    for place in range(2, len(number)):
        for other in ALPHABET.replace(number[place], ""):
            assert read_number(number[:place] + other + number[place + 1 :]) is None


@pytest.mark.parametrize("number", NUMBERS)
def test_two_characters_that_have_changed_places_are_detected(number: str) -> None:
    for one, other in combinations(range(2, len(number)), 2):
        characters = list(number)
        characters[one], characters[other] = characters[other], characters[one]
        is_changed = number[one] != number[other]
        assert (read_number("".join(characters)) is None) == is_changed
