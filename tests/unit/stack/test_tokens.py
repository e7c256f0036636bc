from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from kit.tokens import AUDIENCE, ISSUER
from stack.errors import StackError
from stack.tokens import Role, role_of, token

SECRET = "a secret of a test, longer than 32 bytes"  # noqa: S105


def test_a_token_names_its_subject_and_its_expiry() -> None:
    claims = _claims(token(SECRET, Role.OPERATOR, "olga", timedelta(hours=2)))
    assert (claims["sub"], claims["role"]) == ("olga", "operator")
    assert int(claims["exp"]) - int(claims["iat"]) == 7200


def test_a_token_without_a_subject_is_for_the_demo_user_of_its_role() -> None:
    assert _claims(token(SECRET, Role.CUSTOMER))["sub"] == "demo-customer"


def test_a_token_does_not_pass_with_another_secret() -> None:
    with pytest.raises(jwt.InvalidSignatureError):
        _claims(token(SECRET, Role.ADMIN), secret=SECRET + "!")


def _claims(text: str, secret: str = SECRET) -> dict[str, str]:
    return jwt.decode(text, secret, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER)


def test_a_role_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(StackError, match="'bogus' is not a role: customer, operator or admin"):
        role_of("bogus")
    assert role_of("admin") is Role.ADMIN
