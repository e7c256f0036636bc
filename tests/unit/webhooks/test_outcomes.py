"""Each answer has one outcome, and a failure its pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import ErrorCode, Refused
from notifications.webhooks.backoff import DELAYS, JITTER, delay_after
from notifications.webhooks.choosing import Choice, checked_patterns
from notifications.webhooks.outcome import MAX_RETRY_AFTER, Outcome, outcome_of, retry_after

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "outcome", "concerns_endpoint"),
    [
        (200, Outcome.DELIVERED, False),
        (299, Outcome.DELIVERED, False),
        (304, Outcome.REDIRECTED, False),
        (400, Outcome.REJECTED, False),
        (410, Outcome.GONE, False),
        (429, Outcome.RATE_LIMITED, True),
        (500, Outcome.SERVER_ERROR, False),
        (503, Outcome.UNAVAILABLE, True),
        (600, Outcome.BAD_ANSWER, False),
    ],
)
def test_a_status_has_one_outcome(status: int, outcome: Outcome, concerns_endpoint: bool) -> None:
    assert outcome_of(status) is outcome
    assert outcome.concerns_endpoint is concerns_endpoint


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("99999999999999999999", MAX_RETRY_AFTER),
        ("Fri, 27 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Fri, 27 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 27 Nov 2099 12:00:00 GMT", MAX_RETRY_AFTER),
        ("-5", None),
        ("1.5", None),
        ("\u0661", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_retry_after_is_taken_within_limits(header: str, pause: timedelta | None) -> None:
    assert retry_after(header, NOW) == pause


def test_the_pauses_grow_to_an_hour_with_jitter() -> None:
    for failures in range(1, 80):
        expected = DELAYS[min(failures, len(DELAYS)) - 1]
        assert expected * (1 - JITTER) <= delay_after(failures) <= expected * (1 + JITTER)
    assert len({delay_after(3) for _ in range(10)}) > 1
    assert delay_after(1, timedelta(hours=2)) == timedelta(hours=2)


def test_patterns_are_kept_in_their_full_form() -> None:
    assert checked_patterns(["OrderCancelled", "order.*", "*", "order.*"]) == [
        "*.OrderCancelled",
        "order.*",
        "*.*",
    ]


@pytest.mark.parametrize("patterns", [[], ["nope.*"], ["order.Nope"], ["a b"], ["*.*"] * 101])
def test_patterns_that_match_nothing_are_refused(patterns: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        checked_patterns(patterns)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_INPUT, ("patterns",))


def test_a_type_of_another_category_is_refused() -> None:
    with pytest.raises(Refused, match="belongs to another category"):
        checked_patterns(["product.OrderCancelled"])


def test_the_log_is_filtered_only_by_what_all_patterns_name() -> None:
    assert Choice.of(["order.OrderCreated", "*.OrderCancelled"]).types == {
        "OrderCreated",
        "OrderCancelled",
    }
    assert Choice.of(["order.OrderCreated", "*.OrderCancelled"]).categories is None
    assert Choice.of(["order.*", "payment.PaymentCaptured"]).types is None
    assert Choice.of(["order.*", "payment.*"]).categories == {"order", "payment"}
