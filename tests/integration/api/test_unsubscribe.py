"""The link of each mail stops further mails with one click, and opening it changes nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from eventstore.privacy.search_key import SearchKey
from kit.pool import Pool
from notifications.suppressions import Suppressions
from tests.support.api_client import Api

COUNT = "SELECT count(*) FROM eventstore.email_suppression"


@pytest.fixture
def suppressions(api: Api, api_pool: Pool) -> Suppressions:
    return Suppressions(api_pool, SearchKey.of(api.settings))


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@byron.example.org"


async def test_a_mail_program_unsubscribes_with_one_click(
    api: Api, suppressions: Suppressions, email: str
) -> None:
    """The request of RFC 8058, section 3.2: no cookie, and this body."""
    path = f"/unsubscribe/{suppressions.token(email)}"
    answer = await api.http.post(path, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert await suppressions.is_suppressed(email)
    assert await suppressions.is_suppressed(email.title())
    assert not await suppressions.is_suppressed(f"x{email}")


async def test_opening_the_link_shows_a_form_and_changes_nothing(
    api: Api, suppressions: Suppressions, email: str
) -> None:
    for method in ("GET", "HEAD"):
        path = f"/unsubscribe/{suppressions.token(email)}"
        answer = await api.http.request(method, path)
        assert answer.status_code == (200 if method == "GET" else 405)
    page = await api.http.get(f"/unsubscribe/{suppressions.token(email)}")

    assert '<form method="post"><button>Unsubscribe' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not await suppressions.is_suppressed(email)


async def test_a_second_click_changes_nothing(
    api: Api, api_pool: Pool, suppressions: Suppressions, email: str
) -> None:
    path = f"/unsubscribe/{suppressions.token(email)}"
    await api.http.post(path)
    count = await api_pool.fetchval(COUNT)
    assert (await api.http.post(path)).status_code == 200
    assert await api_pool.fetchval(COUNT) == count


@pytest.mark.parametrize("change", ["another digest", "another signature", "no signature"])
async def test_a_link_that_we_did_not_write_is_refused(
    api: Api, api_pool: Pool, suppressions: Suppressions, email: str, change: str
) -> None:
    digest, signature = suppressions.token(email).split(".")
    token = {
        "another digest": f"{'0' * 64}.{signature}",
        "another signature": f"{digest}.{'0' * 64}",
        "no signature": digest,
    }[change]
    count = await api_pool.fetchval(COUNT)
    for method in ("GET", "POST"):
        answer = await api.http.request(method, f"/unsubscribe/{token}")
        assert answer.status_code == 404
        assert "This link is not complete" in answer.text
        assert digest not in answer.text
    assert await api_pool.fetchval(COUNT) == count


async def test_a_link_reveals_no_address(suppressions: Suppressions, email: str) -> None:
    token = suppressions.token(email)
    assert email.partition("@")[0] not in token
    assert len(token) == 129


async def test_an_operator_may_lift_a_suppression(suppressions: Suppressions, email: str) -> None:
    await suppressions.unsubscribe(suppressions.token(email))
    assert await suppressions.lift(email)
    assert not await suppressions.lift(email)
    assert not await suppressions.is_suppressed(email)
