from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from api.auth import Authenticator, Role, TokenFault, Unauthenticated

SECRET = "s" * 32
NOW = datetime.now(UTC)
CLAIMS = {
    "iss": "waybill",
    "aud": "waybill",
    "sub": "ada",
    "role": "customer",
    "iat": NOW,
    "exp": NOW + timedelta(days=1),
}


def viewer_of(claims: dict[str, object], secret: str = SECRET, algorithm: str = "HS256") -> str:
    token = jwt.encode(claims, secret, algorithm=algorithm)
    return Authenticator(SECRET).viewer(f"Bearer {token}").actor


def fault_of(claims: dict[str, object], **options: str) -> TokenFault:
    with pytest.raises(Unauthenticated) as refused:
        viewer_of(claims, **options)
    return refused.value.fault


def test_a_token_names_its_viewer() -> None:
    assert viewer_of(CLAIMS) == "customer:ada"


def test_clocks_may_differ_by_ten_seconds() -> None:
    now = datetime.now(UTC)
    assert viewer_of(CLAIMS | {"exp": now - timedelta(seconds=5)}) == "customer:ada"
    assert fault_of(CLAIMS | {"exp": now - timedelta(seconds=15)}) is TokenFault.EXPIRED


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_every_claim_has_to_be_there(claim: str) -> None:
    rest = {name: value for name, value in CLAIMS.items() if name != claim}

    assert fault_of(rest) is TokenFault.INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "another"},
        {"aud": "another"},
        {"role": "root"},
        {"sub": ""},
        {"sub": "ada lovelace"},
        {"sub": "a" * 101},
        {"iat": NOW + timedelta(days=1)},
    ],
)
def test_a_token_with_a_foreign_claim_is_invalid(change: dict[str, object]) -> None:
    assert fault_of(CLAIMS | change) is TokenFault.INVALID


def test_another_key_or_algorithm_is_invalid() -> None:
    assert fault_of(CLAIMS, secret="t" * 32) is TokenFault.INVALID
    assert fault_of(CLAIMS, secret=SECRET * 2, algorithm="HS512") is TokenFault.INVALID
    assert fault_of(CLAIMS, secret="", algorithm="none") is TokenFault.INVALID


@pytest.mark.parametrize(
    ("role", "may_see"), [("customer", False), ("operator", True), ("admin", True)]
)
def test_only_staff_see_data_of_others(role: str, may_see: bool) -> None:
    token = jwt.encode(CLAIMS | {"role": role}, SECRET)
    viewer = Authenticator(SECRET).viewer(f"bearer {token}")

    assert viewer.role is Role(role)
    assert viewer.may_see("ada")
    assert viewer.may_see("bob") is may_see
