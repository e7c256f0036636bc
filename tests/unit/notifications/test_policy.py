"""Preferences decide whether a notification is sent now, later or never."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from notifications.categories import Category, category_of
from notifications.facts import Notice
from notifications.outbox import Channel, Outcome, State
from notifications.policy import outcome_of
from notifications.preferences import Preferences
from notifications.quiet_hours import QuietHours

NIGHT = QuietHours(time(22), time(7))
MIDNIGHT = datetime(2026, 7, 1, 22, 0, tzinfo=UTC)
"""It is midnight in Berlin, and 18:00 in New York."""
UNTIL_MORNING = Outcome(State.PENDING, "quiet hours", timedelta(hours=7), is_put_off=True)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def outcome(
    preferences: Preferences,
    kind: Notice = Notice.SHIPPED,
    channel: Channel = Channel.EMAIL,
    time_zone: str | None = BERLIN,
    now: datetime = MIDNIGHT,
) -> Outcome | None:
    return outcome_of(preferences, kind, channel, time_zone, now)


def test_every_kind_of_notification_has_a_category() -> None:
    assert {notice: category_of(notice).value for notice in Notice} == {
        Notice.RECEIVED: "order_confirmation",
        Notice.WAITING_FOR_STOCK: "order_updates",
        Notice.SHIPPED: "order_updates",
        Notice.DELIVERED: "order_updates",
        Notice.PAYMENT_NEEDED: "payment",
        Notice.REFUND_FAILED: "payment",
        Notice.REFUNDED: "payment",
        Notice.CANCELLED: "cancellation",
        Notice.REJECTED: "cancellation",
        Notice.RETURNED: "returns",
        Notice.RETURN_LAPSED: "returns",
    }


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("kind", Notice)
def test_a_customer_who_has_chosen_nothing_gets_everything_at_once(
    kind: Notice, channel: Channel
) -> None:
    assert outcome(Preferences(), kind, channel) is None


def test_a_category_is_switched_off_by_channel() -> None:
    chosen = Preferences(frozenset({(Category.ORDER_UPDATES, Channel.EMAIL)}))

    assert outcome(chosen) == Outcome(State.OPTED_OUT)
    assert outcome(chosen, channel=Channel.PUSH) is None
    assert outcome(chosen, Notice.RETURNED) is None


def test_what_is_switched_off_is_not_put_off() -> None:
    chosen = Preferences(frozenset({(Category.ORDER_UPDATES, Channel.EMAIL)}), NIGHT)
    assert outcome(chosen) == Outcome(State.OPTED_OUT)


def test_quiet_hours_put_a_notification_off_until_their_end() -> None:
    chosen = Preferences(quiet_hours=NIGHT, time_zone=BERLIN)
    assert outcome(chosen) == UNTIL_MORNING
    assert outcome(chosen, channel=Channel.PUSH) == UNTIL_MORNING
    assert outcome(chosen, now=MIDNIGHT + timedelta(hours=7)) is None


@pytest.mark.parametrize("kind", [notice for notice in Notice if category_of(notice).is_mandatory])
def test_a_mandatory_notification_does_not_wait(kind: Notice) -> None:
    assert outcome(Preferences(quiet_hours=NIGHT), kind) is None


def test_only_what_confirms_or_ends_an_order_or_concerns_money_is_mandatory() -> None:
    assert {notice for notice in Notice if category_of(notice).is_mandatory} == {
        *(Notice.RECEIVED, Notice.PAYMENT_NEEDED, Notice.REFUND_FAILED, Notice.REFUNDED),
        *(Notice.CANCELLED, Notice.REJECTED),
    }


@pytest.mark.parametrize("category", [each for each in Category if each.is_mandatory])
def test_a_mandatory_category_cannot_be_switched_off(category: Category) -> None:
    with pytest.raises(ValueError, match=f"{category} is mandatory"):
        Preferences(frozenset({(category, Channel.PUSH)}))


@pytest.mark.parametrize(
    ("chosen", "of_the_contact", "expected"),
    [
        (BERLIN, NEW_YORK, UNTIL_MORNING),
        (NEW_YORK, BERLIN, None),
        (None, BERLIN, UNTIL_MORNING),
        (None, NEW_YORK, None),
        (None, None, None),
        ("Mars/Olympus", BERLIN, UNTIL_MORNING),
        ("Mars/Olympus", "Mars/Olympus", None),
    ],
)
def test_the_zone_is_the_chosen_one_then_the_contacts_and_without_one_no_hour_is_quiet(
    chosen: str | None, of_the_contact: str | None, expected: Outcome | None
) -> None:
    preferences = Preferences(quiet_hours=NIGHT, time_zone=chosen)
    assert outcome(preferences, time_zone=of_the_contact) == expected
