"""The cursors of a list of orders: each holds the key of its order, and belongs to one sorting.

The first value of a key, a time or a total, is readable. The position in it is sealed together with
that value and the name of the sorting, so that no other list takes the cursor.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from eventstore.positions import PositionCodec
from queries import cursor
from queries.cursor import BadCursor
from queries.keyset import SortKey
from queries.order_sort import OrderOrder

CURSOR_KIND: Final = "order cursor"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class OrderCursors:
    def __init__(self, positions: PositionCodec, order: OrderOrder) -> None:
        self._positions = positions
        self._order = order

    def seal(self, key: SortKey) -> str:
        *values, position = key
        assert isinstance(position, int)  # noqa: S101 - the last value of each key
        value = "".join(str(_number(each)) for each in values)
        sealed = self._positions.seal(position, self._purpose(value))
        return cursor.encode(CURSOR_KIND, f"{value}:{sealed}")

    def open(self, text: str) -> SortKey:
        """Return the key. Raises BadCursor or BadPosition."""
        value, colon, sealed = cursor.decode(CURSOR_KIND, text).partition(":")
        if not colon:
            raise BadCursor
        position = self._positions.open(sealed, self._purpose(value))
        if self._order.is_by_update:
            return (position,)
        return self._value(int(value)), position

    def _value(self, number: int) -> datetime | int:
        return number if self._order.is_by_total else _EPOCH + number * _MICROSECOND

    def _purpose(self, value: str) -> str:
        return f"{CURSOR_KIND} {self._order} {value}"


def _number(value: datetime | int) -> int:
    return value if isinstance(value, int) else (value - _EPOCH) // _MICROSECOND
