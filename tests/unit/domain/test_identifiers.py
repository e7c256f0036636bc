from __future__ import annotations

import pytest

from domain.identifiers import is_idempotency_key, is_identifier


@pytest.mark.parametrize("key", ["a", "-8Zx", "_8Zx", ".", ":", "A.b_c:d-9", "k" * 100])
def test_a_key_may_begin_with_any_of_its_characters(key: str) -> None:
    assert is_idempotency_key(key)


@pytest.mark.parametrize(
    "key", ["", "k" * 101, "k" * 255, "k" * 256, " k", "k ", "a k", "k\n", "k\x00", "ké", "a/b"]
)
def test_another_text_is_no_key(key: str) -> None:
    assert not is_idempotency_key(key)


@pytest.mark.parametrize("text", ["-8Zx", "_8Zx", ".", "", "k" * 101, "k\n"])
def test_an_id_begins_with_a_letter_or_a_digit(text: str) -> None:
    assert not is_identifier(text)
