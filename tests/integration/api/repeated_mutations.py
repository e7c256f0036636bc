"""Name for each mutation the arguments of a request that succeeds, and those of another request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import uuid4

from kit.pool import Pool
from tests.integration.api.mutation_scenes import MUTATIONS
from tests.integration.api.test_push_subscriptions import a_subscription
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import line
from tests.support.letters import store_letter
from tests.support.push import Browser

Requests = tuple[Json, Json]
Scene = Callable[[Api, Viewer, Pool], Awaitable[Requests]]
"""Bring about what the mutation needs; return the arguments of both requests, without a key."""

_NOTICE: Final = """
    INSERT INTO eventstore.operator_notice (key, kind, subject, detail, since)
    VALUES ($1, 'parked_saga', $1, 'capture: PROVIDER_REFUSED', now()) RETURNING id
"""
_PARKED: Final = """
    INSERT INTO eventstore.parked_event (projection, position, stream_id, cause, attempts)
    VALUES ('projection.analytics.1', 1, 'order-a', 'LookupError', 4)
"""
_REASON: Final[Json] = {"reason": "a reason"}
_OTHER: Final[Json] = {"reason": "another reason"}
_OTHER_INPUT: Final[Mapping[str, Json]] = {
    "placeOrder": {"reference": "PO 8"},
    "requestReturn": {"lines": [line("mug", 1)]},
    "retryPayment": {"paymentMethod": "pm_another"},
    "retrySaga": _OTHER,
    "skipSagaStep": _OTHER,
    "resolveSaga": _OTHER,
    "compensateSaga": _OTHER,
    "receiveStock": {"quantity": 2},
    "addOrderNote": {"text": "another note"},
    "adjustStock": {"difference": 2},
    "listProduct": {"name": "Dish"},
    "changePrice": {"price": {"amount": 252, "currency": "EUR"}},
    "discontinueProduct": {"sku": "mug"},
    "eraseCustomer": {"customerId": "another"},
    "refundOrder": {"amount": {"amount": 101, "currency": "EUR"}},
    "acceptDiscrepancy": _OTHER,
}


def _of_an_input(name: str) -> Scene:
    async def scene(api: Api, viewer: Viewer, _: Pool) -> Requests:
        owner = api.viewer() if viewer.role != "customer" else viewer
        given = await MUTATIONS[name](api, owner)
        other = _OTHER_INPUT.get(name) or await MUTATIONS[name](api, owner)
        return {"input": given}, {"input": given | other}

    return scene


async def _webhook(viewer: Viewer) -> Json:
    given = _registration() | {"idempotencyKey": str(uuid4())}
    return {"id": (await viewer.run("RegisterWebhook", input=given))["webhook"]["id"]}


def _registration() -> Json:
    return {"url": "https://receiver.example.com/hooks", "patterns": ["order.*"]}


async def _registered(_: Api, __: Viewer, ___: Pool) -> Requests:
    given = _registration()
    return {"input": given}, {"input": given | {"patterns": ["payment.*"]}}


async def _webhook_inputs(_: Api, viewer: Viewer, __: Pool) -> Requests:
    return {"input": await _webhook(viewer)}, {"input": await _webhook(viewer)}


async def _two_webhooks(_: Api, viewer: Viewer, __: Pool) -> Requests:
    return await _webhook(viewer), await _webhook(viewer)


async def _two_disabled(api: Api, viewer: Viewer, pool: Pool) -> Requests:
    webhooks = await _two_webhooks(api, viewer, pool)
    for webhook in webhooks:
        await viewer.run("DisableWebhook", **webhook)
    return webhooks


async def _described(_: Api, viewer: Viewer, __: Pool) -> Requests:
    webhook = await _webhook(viewer)
    return webhook | {"description": "one"}, webhook | {"description": "two"}


async def _sent_again(api: Api, viewer: Viewer, _: Pool) -> Requests:
    webhook = await _webhook(viewer)
    return webhook | {"from": api.position(1)}, webhook | {"from": api.position(2)}


async def _rebuilt(_: Api, __: Viewer, pool: Pool) -> Requests:
    await pool.execute("DELETE FROM eventstore.projection_rebuild")
    return {"name": "notes"}, {"name": "products"}


async def _redriven_events(_: Api, __: Viewer, pool: Pool) -> Requests:
    await pool.execute("DELETE FROM eventstore.parked_event")
    await pool.execute(_PARKED)
    return {"name": "analytics"}, {"name": "analytics", "stream": "order-a"}


async def _letter(pool: Pool) -> Json:
    return {"id": str(await store_letter(pool, key=f"order-{uuid4()}"))}


async def _two_letters(_: Api, __: Viewer, pool: Pool) -> Requests:
    return await _letter(pool), await _letter(pool)


async def _discarded_letter(_: Api, __: Viewer, pool: Pool) -> Requests:
    letter = await _letter(pool)
    return letter | _REASON, letter | _OTHER


async def _preferred(_: Api, __: Viewer, ___: Pool) -> Requests:
    return {"optOuts": [{"category": "RETURNS", "channels": ["EMAIL"]}]}, {"optOuts": []}


async def _address(_: Api, __: Viewer, ___: Pool) -> Requests:
    email = {"email": f"ada-{uuid4().hex}@byron.example.org"}
    return email | {"reason": "BOUNCED"}, email | {"reason": "COMPLAINED"}


async def _lifted_address(api: Api, viewer: Viewer, pool: Pool) -> Requests:
    suppressed, _ = await _address(api, viewer, pool)
    await viewer.run("SuppressEmail", **suppressed)
    return suppressed | _REASON, suppressed | _OTHER


async def _notice(_: Api, __: Viewer, pool: Pool) -> Requests:
    notice = {"id": str(await pool.fetchval(_NOTICE, f"saga:{uuid4()}:capture"))}
    return notice | {"note": "I look"}, notice | {"note": "another note"}


async def _browsers(_: Api, __: Viewer, ___: Pool) -> Requests:
    return {"input": a_subscription(Browser())}, {"input": a_subscription(Browser())}


async def _two_subscriptions(_: Api, viewer: Viewer, __: Pool) -> Requests:
    one, two = [
        (await viewer.run("SubscribeToPush", input=a_subscription(Browser())))["subscription"]
        for _ in range(2)
    ]
    return {"id": one["id"]}, {"id": two["id"]}


SCENES: Final[Mapping[str, Scene]] = {
    **{name: _of_an_input(name) for name in MUTATIONS},
    "registerWebhook": _registered,
    "rotateWebhookSecret": _webhook_inputs,
    "testWebhook": _webhook_inputs,
    "updateWebhook": _described,
    "disableWebhook": _two_webhooks,
    "enableWebhook": _two_disabled,
    "replayWebhook": _sent_again,
    "rebuildProjection": _rebuilt,
    "redriveProjection": _redriven_events,
    "redriveDeadLetter": _two_letters,
    "discardDeadLetter": _discarded_letter,
    "setNotificationPreferences": _preferred,
    "suppressEmail": _address,
    "liftEmailSuppression": _lifted_address,
    "acknowledgeNotice": _notice,
    "subscribeToPush": _browsers,
    "unsubscribeFromPush": _two_subscriptions,
}
