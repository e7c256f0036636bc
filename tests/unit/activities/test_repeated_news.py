"""A notification that changes nothing is repeated less and less often."""

from __future__ import annotations

from activities.reconciliation.repeated_news import RepeatedNews
from domain.provider_notifications import PaymentNotification, ShipmentNotification
from domain.provider_notifications import ShipmentNotificationKind as Kind

DELIVERED = ShipmentNotification("order-1", Kind.DELIVERED)
MINUTE = 60.0
YEAR = 365 * 24 * 60 * MINUTE


def test_a_notification_is_repeated_at_once_and_then_after_growing_pauses() -> None:
    times: list[float] = []
    now = [0.0]
    news = RepeatedNews(clock=lambda: now[0])
    while now[0] <= 16 * MINUTE:
        if news.is_due(DELIVERED):
            times.append(now[0] / MINUTE)
        now[0] += MINUTE / 2

    assert times == [0, 0.5, 1.5, 3.5, 7.5, 15.5]


def test_a_year_of_the_same_notification_repeats_it_a_few_hundred_times() -> None:
    now = [0.0]
    news = RepeatedNews(clock=lambda: now[0])
    count = 0
    while now[0] < YEAR:
        count += news.is_due(DELIVERED)
        now[0] += 10 * MINUTE

    assert count < 400


def test_each_order_and_each_status_has_its_own_pauses() -> None:
    news = RepeatedNews(clock=lambda: 0.0)
    all_news: list[PaymentNotification | ShipmentNotification] = [
        DELIVERED,
        ShipmentNotification("order-1", Kind.LOST),
        ShipmentNotification("order-2", Kind.DELIVERED),
        PaymentNotification("order-1", 1),
        PaymentNotification("order-1", 2),
    ]

    assert [news.is_due(each) for each in all_news] == [True] * 5
