"""The log skips nothing in any interleaving of a few appends and a reader; its variants do."""

from __future__ import annotations

import pytest

from tests.unit.eventstore.log_model import Algorithm, skipping

THREE_WRITERS = ((1,), (1,), (1,))
TWO_SESSIONS = ((1, 1), (2,))
WRITERS = {"three writers": THREE_WRITERS, "two sessions of two appends": TWO_SESSIONS}

UNCHECKED = Algorithm(appends_check_their_floor=False)
SOUND = {
    "the log": Algorithm(),
    "without the check of the floor": UNCHECKED,
    "a torn announcement, refused by the check": Algorithm(announcement_reads_torn=True),
    "a cache, refused by the check": Algorithm(sequence_has_a_cache=True),
}
BROKEN = {
    "a torn announcement": Algorithm(announcement_reads_torn=True, appends_check_their_floor=False),
    "a torn head": Algorithm(head_reads_torn=True),
    "the head reads the locks before the sequence": Algorithm(head_reads_locks_first=True),
    "the reader's snapshot is older than the head": Algorithm(reader_keeps_an_old_snapshot=True),
    "the announcement follows the drawing": Algorithm(announces_after_drawing=True),
    "the lock is released before the commit is visible": Algorithm(
        unlocks_before_it_is_visible=True
    ),
    "an announcement of NULL takes no lock": Algorithm(null_takes_no_lock=True),
    "a sequence with a cache": Algorithm(
        sequence_has_a_cache=True, appends_check_their_floor=False
    ),
}


@pytest.mark.parametrize("writers", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("algorithm", SOUND.values(), ids=SOUND)
def test_no_interleaving_skips_an_event(
    algorithm: Algorithm, writers: tuple[tuple[int, ...], ...]
) -> None:
    trace, states = skipping(algorithm, writers)

    assert trace is None
    assert states > 1_000


@pytest.mark.parametrize("algorithm", BROKEN.values(), ids=BROKEN)
def test_a_variant_skips_an_event(algorithm: Algorithm) -> None:
    trace, _ = skipping(algorithm, TWO_SESSIONS)

    assert trace is not None
    assert {"reader: sequence", "reader: rows"} <= set(trace)
