"""Read an answer of the API, and raise its errors as those of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cli.errors import Refused, Unreachable, refusal

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]

_UNKNOWN: Final = "ERROR"
"""The code of an error that has none: something in front of Waybill has answered."""


def answered(response: httpx.Response, url: str) -> Json:
    """Return the JSON object of the answer. Raises Unreachable for anything else."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    raise Unreachable(
        f"{url} has answered {response.status_code} without JSON: check that --url is Waybill's "
        "address, without /graphql"
    )


def outcome(body: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return the value of the only field, and whether it repeats an earlier answer.

    Raises Refused.
    """
    if errors := body.get("errors"):
        raise of_request(errors)
    data = body.get("data")
    if not isinstance(data, dict) or len(data) != 1:
        raise Unreachable("the service has answered no data: check that --url is Waybill's address")
    (value,) = data.values()
    payload = value if isinstance(value, dict) else {}
    for error in payload.get("userErrors") or ():
        field = [part for part in error.get("field") or () if part != "input"]
        raise refusal(error["code"], error["message"], field)
    extensions = body.get("extensions") or {}
    return value, bool(extensions.get("idempotency", {}).get("replayed"))


def of_request(errors: Sequence[Mapping[str, Any]]) -> Refused:
    """Return the first error of a request, as an error of the command."""
    error = errors[0]
    code = str((error.get("extensions") or {}).get("code") or _UNKNOWN)
    path = [str(part) for part in error.get("path") or ()][1:]
    return refusal(code, str(error.get("message", "")), path)
