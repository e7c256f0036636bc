"""Operators suppress addresses and lift suppressions. No row and no line of the log holds one."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from eventstore.privacy.search_key import SearchKey
from kit.pool import Pool
from notifications.suppressions import SuppressionReason, Suppressions
from tests.integration.privacy.conftest import everything
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.keys import SEARCH_KEY

REASON = "the mailbox exists again"
KEY = SearchKey(SEARCH_KEY)
ACTIONS = """
    SELECT action, actor, reason FROM eventstore.email_suppression_action
    WHERE email_digest = $1 ORDER BY id
"""
GIVEN: dict[str, Json] = {
    "EmailSuppression": {},
    "SuppressEmail": {"reason": "BOUNCED"},
    "LiftEmailSuppression": {"reason": REASON},
}


@pytest.fixture
def operator(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def suppressions(api_pool: Pool) -> Suppressions:
    return Suppressions(api_pool, KEY)


@pytest.fixture
def email() -> str:
    return f"ada-{uuid4().hex}@byron.example.org"


async def actions(pool: Pool, email: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await pool.fetch(ACTIONS, KEY.email_digest(email))]


async def test_an_address_that_a_mail_provider_reports_is_suppressed(
    operator: Viewer, suppressions: Suppressions, module_pool: Pool, email: str
) -> None:
    assert await operator.run("EmailSuppression", email=email) is None

    payload = await operator.run("SuppressEmail", email=f" {email.upper()} ", reason="COMPLAINED")

    actor = f"operator:{operator.sub}"
    assert payload["userErrors"] == []
    suppression = payload["suppression"]
    assert suppression["reason"] == "COMPLAINED"
    since = datetime.fromisoformat(suppression["since"])
    assert abs(datetime.now(UTC) - since) < timedelta(minutes=1)
    (action,) = suppression["actions"]
    assert (action["kind"], action["actor"], action["reason"]) == (
        *("SUPPRESSED", actor, "complained"),
    )
    assert await operator.run("EmailSuppression", email=email) == suppression
    assert await suppressions.is_suppressed(email)
    assert await actions(module_pool, email) == [("suppressed", actor, "complained")]


async def test_an_address_that_is_suppressed_keeps_its_reason(
    operator: Viewer, suppressions: Suppressions, module_pool: Pool, email: str
) -> None:
    await suppressions.suppress(email, SuppressionReason.UNSUBSCRIBED)
    before = await operator.run("EmailSuppression", email=email)
    assert (before["reason"], before["actions"]) == ("UNSUBSCRIBED", [])

    answer = await operator.ask(operation("SuppressEmail"), email=email, reason="BOUNCED")

    assert answer["data"]["suppressEmail"]["suppression"] == before
    assert answer["extensions"]["idempotency"] == {"replayed": True}
    assert await actions(module_pool, email) == []


async def test_a_lift_lets_an_address_get_mail_and_is_repeated_without_effect(
    operator: Viewer, suppressions: Suppressions, module_pool: Pool, email: str
) -> None:
    actor = f"operator:{operator.sub}"
    await operator.run("SuppressEmail", email=email, reason="BOUNCED")
    payload = await operator.run("LiftEmailSuppression", email=email, reason=f"  {REASON} ")

    assert payload["userErrors"] == []
    assert payload["action"] | {"at": None} == {
        "kind": "LIFTED",
        "actor": actor,
        "reason": REASON,
        "at": None,
    }
    assert not await suppressions.is_suppressed(email)
    assert await operator.run("EmailSuppression", email=email) is None

    again = await operator.ask(
        operation("LiftEmailSuppression"), email=email.upper(), reason=REASON
    )
    assert again["data"]["liftEmailSuppression"] == payload
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert await actions(module_pool, email) == [
        *(("suppressed", actor, "bounced"), ("lifted", actor, REASON)),
    ]


async def test_an_address_that_is_suppressed_again_shows_what_was_done_before(
    operator: Viewer, email: str
) -> None:
    await operator.run("SuppressEmail", email=email, reason="BOUNCED")
    await operator.run("LiftEmailSuppression", email=email, reason=REASON)
    payload = await operator.run("SuppressEmail", email=email, reason="UNSUBSCRIBED")

    assert [(a["kind"], a["reason"]) for a in payload["suppression"]["actions"]] == [
        *(("SUPPRESSED", "bounced"), ("LIFTED", REASON), ("SUPPRESSED", "unsubscribed")),
    ]


async def test_acts_that_are_sent_twice_at_once_have_one_effect(
    operator: Viewer, module_pool: Pool, email: str
) -> None:
    given = {"email": email}
    suppress = [operator.run("SuppressEmail", **given, reason="BOUNCED") for _ in range(5)]
    suppressed = await asyncio.gather(*suppress)
    lift = [operator.run("LiftEmailSuppression", **given, reason=REASON) for _ in range(5)]
    lifted = await asyncio.gather(*lift)

    assert suppressed == suppressed[:1] * 5
    assert lifted == lifted[:1] * 5
    assert [row[0] for row in await actions(module_pool, email)] == ["suppressed", "lifted"]


@pytest.mark.parametrize("was_lifted", [False, True])
async def test_a_lift_of_an_address_that_gets_mail_is_not_found(
    api: Api, operator: Viewer, module_pool: Pool, email: str, was_lifted: bool
) -> None:
    if was_lifted:
        await operator.run("SuppressEmail", email=email, reason="BOUNCED")
        await operator.run("LiftEmailSuppression", email=email, reason=REASON)
    before = await actions(module_pool, email)

    for viewer, reason in ((operator, "another reason"), (api.viewer("operator"), REASON)):
        payload = await viewer.run("LiftEmailSuppression", email=email, reason=reason)
        assert payload["action"] is None
        assert payload["userErrors"] == [
            {
                "code": "NOT_FOUND",
                "message": "this address is not suppressed: no suppression stops its mail",
                "field": ["email"],
            }
        ]
    assert await actions(module_pool, email) == before


@pytest.mark.parametrize("text", ["", "ada", "@byron.example.org", "a\u0000@byron.example.org"])
async def test_a_text_that_is_no_address_is_refused_without_being_shown(
    operator: Viewer, text: str
) -> None:
    says = "this is no e-mail address: write it as name@example.com"
    asked = await operator.ask(operation("EmailSuppression"), email=text)
    assert [(e["message"], e["extensions"]["code"]) for e in asked["errors"]] == [
        (f"email: {says}", "BAD_USER_INPUT")
    ]
    for name in ("SuppressEmail", "LiftEmailSuppression"):
        payload = await operator.run(name, email=text, **GIVEN[name])
        assert payload["userErrors"] == [
            {"code": "INVALID_INPUT", "message": says, "field": ["email"]}
        ]


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "ada@example.org called"])
async def test_a_lift_needs_a_reason_of_one_line_without_an_address(
    operator: Viewer, suppressions: Suppressions, module_pool: Pool, email: str, reason: str
) -> None:
    await suppressions.suppress(email, SuppressionReason.COMPLAINED)

    payload = await operator.run("LiftEmailSuppression", email=email, reason=reason)

    assert payload["action"] is None
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [
        ("INVALID_INPUT", ["reason"])
    ]
    assert await suppressions.is_suppressed(email)
    assert await actions(module_pool, email) == []


async def test_no_row_and_no_line_of_the_log_holds_the_address(
    operator: Viewer, module_pool: Pool, email: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for name in ("SuppressEmail", "EmailSuppression", "LiftEmailSuppression"):
            await operator.run(name, email=email, **GIVEN[name])

    actor = f"operator:{operator.sub}"
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [
        f"e-mail suppression: suppressed by {actor}",
        f"e-mail suppression: lifted by {actor}",
    ]
    local = email.partition("@")[0]
    assert local not in await everything(module_pool) + caplog.text


async def test_a_suppression_outlives_the_erasure_of_its_customer(
    api: Api, operator: Viewer, email: str
) -> None:
    await operator.run("SuppressEmail", email=email, reason="COMPLAINED")
    request = {
        "idempotencyKey": str(uuid4()),
        "customerId": f"customer-{uuid4()}",
        "reason": "CUSTOMER_REQUEST",
    }
    erased = await api.viewer("admin").run("EraseCustomer", input=request)
    assert erased["userErrors"] == []

    assert (await operator.run("EmailSuppression", email=email))["reason"] == "COMPLAINED"


@pytest.mark.parametrize("name", GIVEN)
async def test_a_customer_sees_and_changes_no_suppression(
    api: Api, suppressions: Suppressions, module_pool: Pool, email: str, name: str
) -> None:
    is_suppressed = name == "LiftEmailSuppression"
    if is_suppressed:
        await suppressions.suppress(email, SuppressionReason.BOUNCED)

    answer = await api.viewer().ask(operation(name), email=email, **GIVEN[name])

    assert answer["data"] in (None, {"emailSuppression": None})
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert error["message"].endswith(" is for operators: sign in as one")
    assert await suppressions.is_suppressed(email) is is_suppressed
    assert await actions(module_pool, email) == []
