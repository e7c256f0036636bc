"""Customers subscribe their browsers to push messages, and see and end their own subscriptions."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kit.pool import Pool
from notifications.push.registry import MAX_SUBSCRIPTIONS
from tests.integration.privacy.conftest import everything
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.push import Browser, a_vapid

ORIGIN = "https://receiver.example.com"


def a_subscription(browser: Browser, **changes: object) -> Json:
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    return {"endpoint": f"{ORIGIN}{browser.path}", **keys, **changes}


async def subscribed(viewer: Viewer, browser: Browser) -> Json:
    payload = await viewer.run("SubscribeToPush", input=a_subscription(browser))
    assert payload["userErrors"] == []
    subscription: Json = payload["subscription"]
    return subscription


async def ids(viewer: Viewer) -> list[str]:
    answer = await viewer.ask(operation("PushSubscriptions"))
    return [subscription["id"] for subscription in answer["data"]["pushSubscriptions"]]


async def rows(pool: Pool) -> list[object]:
    return list(await pool.fetch("SELECT * FROM eventstore.push_subscription ORDER BY id"))


async def test_a_browser_is_subscribed_once_and_listed(api: Api) -> None:
    ada, browser = api.viewer(), Browser()
    first = await subscribed(ada, browser)
    again = await subscribed(ada, browser)
    other = await subscribed(ada, Browser())

    assert again == first
    assert first["pausedUntil"] is None
    assert await ids(ada) == [first["id"], other["id"]]


async def test_the_public_key_is_the_one_that_signs(api: Api) -> None:
    answer = await api.viewer().ask(operation("VapidPublicKey"))
    assert answer["data"] == {"vapidPublicKey": a_vapid().public_key}


async def test_a_customer_ends_a_subscription_and_no_repetition_ends_another(api: Api) -> None:
    ada = api.viewer()
    first, second = await subscribed(ada, Browser()), await subscribed(ada, Browser())
    ended = await ada.run("UnsubscribeFromPush", id=first["id"])
    again = await ada.run("UnsubscribeFromPush", id=first["id"])

    assert ended == again == {"subscriptionId": first["id"], "userErrors": []}
    assert await ids(ada) == [second["id"]]


@pytest.mark.parametrize("role", ["customer", "operator", "admin"])
async def test_a_subscription_of_another_customer_seems_not_to_exist(api: Api, role: str) -> None:
    ada, other = api.viewer(), api.viewer(role)
    own = await subscribed(ada, Browser())
    answers = [
        await other.run("UnsubscribeFromPush", id=chosen)
        for chosen in (own["id"], str(uuid4()), "no id")
    ]

    assert answers[0] == answers[1] == answers[2]
    assert [e["code"] for e in answers[0]["userErrors"]] == ["NOT_FOUND"]
    assert await ids(other) == []
    assert await ids(ada) == [own["id"]]


async def test_a_browser_belongs_to_the_customer_who_subscribed_it_last(api: Api) -> None:
    ada, bob, browser = api.viewer(), api.viewer(), Browser()
    first = await subscribed(ada, browser)
    second = await subscribed(bob, browser)

    assert first["id"] != second["id"]
    assert (await ids(ada), await ids(bob)) == ([], [second["id"]])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "no url"}, "endpoint"),
        ({"endpoint": "http://receiver.example.com/secret"}, "endpoint"),
        ({"endpoint": "https://user:secret@receiver.example.com/"}, "endpoint"),
        ({"endpoint": "https://internal.example.com/secret"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1/secret"}, "endpoint"),
        ({"endpoint": "https://unknown.example.com/secret"}, "endpoint"),
        ({"endpoint": "https://receiver.example.com/" + "secret" * 400}, "endpoint"),
        ({"p256dh": ""}, "p256dh"),
        ({"p256dh": "secret"}, "p256dh"),
        ({"p256dh": "secret" * 100}, "p256dh"),
        ({"p256dh": "BA" + "A" * 85}, "p256dh"),
        ({"auth": ""}, "auth"),
        ({"auth": "secret"}, "auth"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(
    api: Api, module_pool: Pool, changes: Json, field: str
) -> None:
    before = await rows(module_pool)
    request = a_subscription(Browser(), **changes)
    payload = await api.viewer().run("SubscribeToPush", input=request)

    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["input", field])
    assert "secret" not in error["message"]
    assert payload["subscription"] is None
    assert await rows(module_pool) == before


async def test_one_subscription_too_many_changes_nothing(api: Api, module_pool: Pool) -> None:
    ada, bob, shared = api.viewer(), api.viewer(), Browser()
    browsers = [Browser() for _ in range(MAX_SUBSCRIPTIONS)]
    for browser in browsers:
        await subscribed(ada, browser)
    await subscribed(bob, shared)
    before = await rows(module_pool)
    payload = await ada.run("SubscribeToPush", input=a_subscription(shared))

    assert [e["code"] for e in payload["userErrors"]] == ["TOO_MANY_SUBSCRIPTIONS"]
    assert payload["subscription"] is None
    assert await rows(module_pool) == before
    await subscribed(ada, browsers[0])  # a repetition of one of them


async def test_a_new_customer_subscribes_before_the_first_order(
    api: Api, module_pool: Pool
) -> None:
    ada, browser = api.viewer(), Browser()
    await subscribed(ada, browser)

    keys = "SELECT count(*) FROM eventstore.subject_key WHERE subject = $1"
    assert await module_pool.fetchval(keys, ada.sub) == 1
    text = await everything(module_pool)
    for secret in (browser.path, "receiver.example.com/push", browser.p256dh, browser.auth):
        assert secret not in text


async def test_an_erased_customer_has_no_subscription(api: Api, module_pool: Pool) -> None:
    ada, bob = api.viewer(), api.viewer()
    await subscribed(ada, Browser())
    kept = await subscribed(bob, Browser())
    request = {
        "idempotencyKey": str(uuid4()),
        "customerId": ada.sub,
        "reason": "CUSTOMER_REQUEST",
    }
    payload = await api.viewer("admin").run("EraseCustomer", input=request)

    assert payload["userErrors"] == []
    assert (await ids(ada), await ids(bob)) == ([], [kept["id"]])
    left = "SELECT count(*) FROM eventstore.push_subscription WHERE customer_id = $1"
    assert await module_pool.fetchval(left, ada.sub) == 0
