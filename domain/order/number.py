"""Derive the number by which people name an order, such as W-7ZK3M0QX4R.

Nine characters are a hash of the order's id, and the tenth is a check symbol. So a number tells
neither when an order was placed nor how many there are. Nine characters are 45 bits: two of seven
million orders are likely to share their first candidate. The second one then takes its next
candidate: see `activities/placing.py`.

The alphabet is Crockford's base 32 (https://www.crockford.com/base32.html), in which no two
characters look alike. Crockford's check symbol needs five characters beyond the alphabet. This one
needs none: it makes the word a codeword of the Reed-Solomon code with one check symbol over
GF(32) (Reed and Solomon, Polynomial Codes over Certain Finite Fields, 1960). It detects every
error in one character, and every two characters that have changed places.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "W-"
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS: Final = 9
_BITS: Final = 5
_WRITTEN: Final = re.compile(r"W-?([0-9A-Z]{10})", re.ASCII | re.IGNORECASE)
_LOOK_ALIKE: Final = str.maketrans("OIL", "011")
_MODULUS: Final = 0b100101
"""The primitive polynomial x^5 + x^2 + 1 of GF(32)."""


def order_number(order_id: str, candidate: int) -> str:
    """Return the candidate of this place, counted from 0, for the number of the order."""
    digest = hashlib.sha256(f"order number {candidate} of {order_id}".encode()).digest()
    bits = int.from_bytes(digest) >> (len(digest) * 8 - _SYMBOLS * _BITS)
    places = range((_SYMBOLS - 1) * _BITS, -1, -_BITS)
    symbols = [bits >> place & 0b11111 for place in places]
    return PREFIX + "".join(ALPHABET[symbol] for symbol in (*symbols, _check_symbol(symbols)))


def read_number(text: str) -> str | None:
    """Return the number that a person has written, as it is stored; None if it is none.

    Case does not matter, nor does the hyphen. O is read as 0, I and L as 1.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        return None
    word = written[1].upper().translate(_LOOK_ALIKE)
    if "U" in word:
        return None
    *symbols, check = map(ALPHABET.index, word)
    return PREFIX + word if check == _check_symbol(symbols) else None


def _check_symbol(symbols: Iterable[int]) -> int:
    """Return the sum of the symbols, each times another power of x."""
    total = 0
    for symbol in symbols:
        total = _times_x(total ^ symbol)
    return total


def _times_x(element: int) -> int:
    doubled = element << 1
    return doubled ^ _MODULUS if doubled > len(ALPHABET) - 1 else doubled
