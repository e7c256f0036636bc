"""Describe why a mutation was refused, as part of its payload and not as a request error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import strawberry
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from domain.errors import ErrorCode, Refused

BAD_KEY: Final = "a key is 1 to 100 letters, digits, dots, underscores, colons and dashes"

strawberry.enum(ErrorCode, description="The reason for a refusal. Clients branch on these codes.")


@strawberry.type(description="The reason why nothing was changed, and the input field at fault.")
class UserError:
    code: ErrorCode
    message: str
    field: list[str] | None = strawberry.field(
        description="The path of the input at fault, outermost first. Null if no input is at fault."
    )

    @classmethod
    def of(cls, refused: Refused) -> Self:
        return cls(code=refused.code, message=refused.message, field=list(refused.field) or None)

    @classmethod
    def of_argument(cls, refused: Refused) -> Self:
        """Return the error of a mutation that has arguments of its own and no `input`."""
        path = refused.field[1:] if refused.field[:1] == ("input",) else refused.field
        return cls(code=refused.code, message=refused.message, field=list(path) or None)


def input_error(code: ErrorCode, message: str, *path: str | int) -> UserError:
    return UserError(code=code, message=message, field=["input", *map(str, path)])


def invalid_inputs(error: ValidationError) -> Sequence[UserError]:
    """Return an error for each fault that pydantic found, without the values."""
    return [
        input_error(
            ErrorCode.INVALID_INPUT,
            fault["msg"],
            *(to_camel(part) if isinstance(part, str) else part for part in fault["loc"]),
        )
        for fault in error.errors(include_input=False, include_context=False, include_url=False)
    ]


def no_such_order() -> UserError:
    return input_error(ErrorCode.NOT_FOUND, "you have no order with this id", "orderId")


def bad_key() -> UserError:
    return input_error(ErrorCode.INVALID_INPUT, BAD_KEY, "idempotencyKey")
