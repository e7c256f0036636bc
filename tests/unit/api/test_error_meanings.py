from __future__ import annotations

from api.error_meanings import REQUEST_ERROR_MEANINGS, USER_ERROR_MEANINGS
from api.errors import RequestErrorCode
from domain.errors import ErrorCode
from tests.unit.api.schemas import a_schema


def test_every_error_code_is_explained_to_clients() -> None:
    assert list(USER_ERROR_MEANINGS) == list(ErrorCode)
    assert list(REQUEST_ERROR_MEANINGS) == list(RequestErrorCode)


def test_the_schema_explains_each_code_of_a_user_error() -> None:
    printed = a_schema().as_str()

    assert '"""The order has no lines."""\n  EMPTY_ORDER' in printed
