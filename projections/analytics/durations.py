"""Count durations in buckets whose width grows with the duration, so that percentiles add up.

A percentile is then exact within RELATIVE_ERROR, for the durations of any range of time. The idea
is that of DDSketch (https://arxiv.org/abs/1908.10693). The borders are integers: every machine
puts a duration into the same bucket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Final

RELATIVE_ERROR: Final = 0.01
"""The percentiles are this exact, for durations from a millisecond to 100 years."""

_FIRST: Final = 1_000
_LAST: Final = 100 * 366 * 86_400 * 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)


def _borders() -> Sequence[int]:
    """Return the upper borders of the buckets, in microseconds: each 101/99 of the one before."""
    borders = [_FIRST]
    while borders[-1] < _LAST:
        borders.append(borders[-1] * 101 // 99)
    return tuple(borders)


_BORDERS: Final = _borders()


def bucket_of(duration: timedelta) -> int:
    """Return the bucket of a duration. Clocks that disagree may have made it negative."""
    return min(bisect_left(_BORDERS, duration // _MICROSECOND), len(_BORDERS) - 1)


def seconds_of(bucket: int) -> float:
    """Return the duration that differs least, relatively, from all durations of the bucket."""
    high = _BORDERS[bucket]
    low = _BORDERS[bucket - 1] if bucket else high
    return float(Fraction(2 * low * high, (low + high) * 1_000_000))


def percentile(counts: Mapping[int, int], percent: int) -> float | None:
    """Return the shortest duration that this percentage of all does not exceed, in seconds.

    None for no durations.
    """
    rank = -(-sum(counts.values()) * percent // 100)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return seconds_of(bucket)
    return None
