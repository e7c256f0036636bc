"""The simulator's HTTP follows Stripe's published rules, also where Stripe's SDK hides it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kit.local_http import local_client

if TYPE_CHECKING:
    from tests.support.simulators import SimulatorProcess

INTENTS = "/v1/payment_intents"


def intent(order_id: str, amount: int = 1000) -> dict[str, str]:
    return {
        "amount": str(amount),
        "currency": "eur",
        "capture_method": "manual",
        "metadata[order_id]": order_id,
    }


async def post(
    http: httpx.AsyncClient, path: str, form: dict[str, str], key: str = ""
) -> httpx.Response:
    return await http.post(path, data=form, headers={"Idempotency-Key": key} if key else {})


async def confirmed(http: httpx.AsyncClient, order_id: str) -> str:
    reference = str((await post(http, INTENTS, intent(order_id))).json()["id"])
    await post(http, f"{INTENTS}/{reference}/confirm", {"payment_method": "pm_card_visa"})
    return reference


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


async def test_a_repeated_key_returns_the_first_answer(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    first = await post(stripe_http, INTENTS, intent(order_id), order_id)
    again = await post(stripe_http, INTENTS, intent(order_id), order_id)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_repeated_key_returns_the_first_refusal_too(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    reference = (await post(stripe_http, INTENTS, intent(order_id))).json()["id"]
    path = f"{INTENTS}/{reference}/confirm"
    form = {"payment_method": "pm_card_chargeDeclined"}

    first = await post(stripe_http, path, form, order_id)
    again = await post(stripe_http, path, form, order_id)

    assert error(first) == (402, "card_declined")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_with_other_parameters_is_an_error_and_does_nothing(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    first = await post(stripe_http, INTENTS, intent(order_id), order_id)

    other = await post(stripe_http, INTENTS, intent(order_id, amount=2000), order_id)

    assert other.status_code == 400
    assert other.json()["error"]["type"] == "idempotency_error"
    again = await post(stripe_http, INTENTS, intent(order_id), order_id)
    assert again.content == first.content


async def test_a_key_still_running_is_in_use_and_runs_once(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await post(stripe_http, INTENTS, intent(order_id))).json()["id"]
    path, form = f"{INTENTS}/{reference}/confirm", {"payment_method": "pm_card_visa"}

    with payment_simulator.control(latency_ms=200):
        answers = await asyncio.gather(*(post(stripe_http, path, form, order_id) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


@pytest.mark.parametrize(
    ("how", "fault"),
    [("refuse_kept", (400, "refused_on_request")), ("500", (500, "internal_error"))],
)
async def test_an_interrupted_request_is_repeated_under_its_key(
    stripe_http: httpx.AsyncClient,
    payment_simulator: SimulatorProcess,
    order_id: str,
    how: str,
    fault: tuple[int, str],
) -> None:
    path = f"{INTENTS}/{await confirmed(stripe_http, order_id)}/capture"
    with payment_simulator.failing(order_id, "capture", how):
        first = await post(stripe_http, path, {}, order_id)

    again = await post(stripe_http, path, {}, order_id)
    other = await post(stripe_http, path, {}, f"{order_id}/other")

    assert error(first) == fault
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert other.status_code == 200
    assert (await payment_simulator.effects(order_id))["captured"] == (1, 1000)


async def test_a_refund_may_fail_after_success_and_its_key_repeats_the_success(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    method = {"payment_method": "pm_waybill_refundFailsOnce"}
    reference = (await post(stripe_http, INTENTS, intent(order_id))).json()["id"]
    await post(stripe_http, f"{INTENTS}/{reference}/confirm", method)
    await post(stripe_http, f"{INTENTS}/{reference}/capture", {})
    first = await post(stripe_http, "/v1/refunds", {"payment_intent": reference}, order_id)
    await payment_simulator.until_recorded(order_id, "refund_failed")

    again = await post(stripe_http, "/v1/refunds", {"payment_intent": reference}, order_id)

    listed = await stripe_http.get("/v1/refunds", params={"payment_intent": reference})
    charge = await stripe_http.get(f"{INTENTS}/{reference}", params={"expand[0]": "latest_charge"})
    assert again.content == first.content
    assert (first.json()["status"], listed.json()["data"][0]["status"]) == ("succeeded", "failed")
    assert charge.json()["latest_charge"]["amount_refunded"] == 0


async def test_a_request_that_was_wrong_leaves_its_key_unused(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    wrong = await post(stripe_http, INTENTS, intent(order_id, amount=0), order_id)
    right = await post(stripe_http, INTENTS, intent(order_id), order_id)

    assert error(wrong) == (400, "parameter_invalid_integer")
    assert right.status_code == 200


async def test_a_second_confirm_charges_nothing(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = await confirmed(stripe_http, order_id)

    again = await post(
        stripe_http, f"{INTENTS}/{reference}/confirm", {"payment_method": "pm_card_visa"}
    )

    assert error(again) == (400, "payment_intent_unexpected_state")
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


@pytest.mark.parametrize("action", ["confirm", "capture", "cancel"])
async def test_a_cancelled_intent_is_closed(
    stripe_http: httpx.AsyncClient,
    payment_simulator: SimulatorProcess,
    order_id: str,
    action: str,
) -> None:
    reference = await confirmed(stripe_http, order_id)
    await post(stripe_http, f"{INTENTS}/{reference}/cancel", {})
    effects = await payment_simulator.effects(order_id)

    answer = await post(
        stripe_http, f"{INTENTS}/{reference}/{action}", {"payment_method": "pm_card_visa"}
    )

    assert error(answer) == (400, "payment_intent_unexpected_state")
    assert await payment_simulator.effects(order_id) == effects


async def test_refunds_are_listed_with_their_intent(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    reference = await confirmed(stripe_http, order_id)
    await post(stripe_http, f"{INTENTS}/{reference}/capture", {})
    for amount in ("300", "700"):
        await post(stripe_http, "/v1/refunds", {"payment_intent": reference, "amount": amount})

    answer = await stripe_http.get("/v1/refunds", params={"payment_intent": reference})
    more = await post(stripe_http, "/v1/refunds", {"payment_intent": reference, "amount": "1"})

    assert [refund["amount"] for refund in answer.json()["data"]] == [700, 300]
    assert error(more) == (400, "charge_already_refunded")


async def test_a_charge_is_an_id_unless_it_is_expanded(
    stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    path = f"{INTENTS}/{await confirmed(stripe_http, order_id)}"

    plain: dict[str, Any] = (await stripe_http.get(path)).json()
    full = (await stripe_http.get(path, params={"expand[0]": "latest_charge"})).json()

    assert plain["latest_charge"] == full["latest_charge"]["id"]
    assert full["latest_charge"]["amount"] == 1000


@pytest.mark.parametrize("key", ["", "Bearer wrong"])
async def test_a_request_without_the_key_changes_nothing(
    payment_simulator: SimulatorProcess, order_id: str, key: str
) -> None:
    async with local_client(headers={"Authorization": key}) as stranger:
        answer = await post(stranger, f"{payment_simulator.url}{INTENTS}", intent(order_id))

    assert answer.status_code == 401


async def test_an_unknown_intent_is_missing(stripe_http: httpx.AsyncClient) -> None:
    assert error(await stripe_http.get(f"{INTENTS}/pi_nobody")) == (404, "resource_missing")


async def test_ordered_faults_end_after_the_ordered_number_of_times(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.control(fail_next={"operation": "create", "how": "503", "times": 2}):
        statuses = [
            (await post(stripe_http, INTENTS, intent(order_id))).status_code for _ in range(3)
        ]

    assert statuses == [503, 503, 200]


async def test_a_refused_capture_takes_nothing_until_the_fault_is_cleared(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    path = f"{INTENTS}/{await confirmed(stripe_http, order_id)}"

    with payment_simulator.failing(order_id, "capture", "refuse"):
        refused = [error(await post(stripe_http, f"{path}/capture", {}, order_id)) for _ in "12"]
        looked = (await stripe_http.get(path)).status_code
    effects = await payment_simulator.effects(order_id)
    captured = await post(stripe_http, f"{path}/capture", {}, order_id)

    assert refused == [(400, "refused_on_request")] * 2
    assert looked == 200
    assert effects == {"authorized": (1, 1000)}
    assert captured.status_code == 200


async def test_a_provider_that_is_down_for_an_order_answers_nothing_about_it(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = await confirmed(stripe_http, order_id)
    path, other = f"{INTENTS}/{reference}", f"{order_id}-other"

    with payment_simulator.failing(order_id, "*", "down"):
        answers = [
            await post(stripe_http, INTENTS, intent(order_id)),
            await post(stripe_http, f"{path}/capture", {}),
            await post(stripe_http, f"{path}/cancel", {}),
            await post(stripe_http, "/v1/refunds", {"payment_intent": reference}),
            await stripe_http.get(path),
        ]
        untouched = await post(stripe_http, INTENTS, intent(other))

    assert [answer.status_code for answer in answers] == [503] * 5
    assert untouched.status_code == 200
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_a_search_for_anything_but_metadata_is_refused(
    stripe_http: httpx.AsyncClient,
) -> None:
    answer = await stripe_http.get(f"{INTENTS}/search", params={"query": "amount>1000"})

    assert error(answer) == (400, "parameter_invalid")
