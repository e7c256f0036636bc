from __future__ import annotations

import pytest

from eventstore.versions import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    ExpectedVersion,
    StreamExpectation,
    describe,
    holds,
    to_sql,
)


@pytest.mark.parametrize(
    ("expected", "actual", "is_so"),
    [
        (NO_STREAM, 0, True),
        (NO_STREAM, 1, False),
        (0, 0, True),
        (0, 1, False),
        (STREAM_EXISTS, 0, False),
        (STREAM_EXISTS, 1, True),
        (STREAM_EXISTS, 7, True),
        (ANY, 0, True),
        (ANY, 7, True),
        (7, 7, True),
        (7, 6, False),
        (7, 8, False),
        (7, 0, False),
    ],
)
def test_an_expectation_holds_or_not(expected: ExpectedVersion, actual: int, is_so: bool) -> None:
    assert holds(expected, actual) is is_so


def test_the_database_gets_versions_unchanged_and_expectations_by_number() -> None:
    """eventstore/sql/append.sql knows them by these numbers."""
    assert [to_sql(NO_STREAM), to_sql(ANY), to_sql(STREAM_EXISTS)] == [0, -1, -2]
    assert [to_sql(0), to_sql(1), to_sql(7)] == [0, 1, 7]


def test_every_expectation_has_its_own_number() -> None:
    assert len({to_sql(expectation) for expectation in StreamExpectation}) == 3


def test_an_expectation_is_printed_by_name_and_a_version_by_number() -> None:
    assert [describe(expected) for expected in (NO_STREAM, STREAM_EXISTS, ANY, 7)] == [
        "NO_STREAM",
        "STREAM_EXISTS",
        "ANY",
        "version 7",
    ]
