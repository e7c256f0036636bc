"""Run one document of graphql/operations and print its answer: `python -m demo.query Saga --id ID`.

`make query OP=Saga ID=... ARGS='{"first": 5}'` and `make order ID=...` call it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import httpx

from cli.documents import document, operations
from domain.order.number import read_number
from kit.command import run_command
from kit.local_http import local_client
from settings import Settings, SettingsError, load_settings
from settings_checks import check
from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.tokens import Role, role_of, token

ANSWER_TIMEOUT_SECONDS: Final = 20.0
OF_AN_ID: Final = ("orderId", "id", "sku")
"""The variables that an operation may take the id in."""

_TARGETS: Final = {
    "EraseCustomer": "customerId",
    **dict.fromkeys(("ListProduct", "ChangePrice", "DiscontinueProduct"), "sku"),
    **dict.fromkeys(("ReceiveStock", "AdjustStock"), "sku"),
}
"""The field of a mutation's input that takes the id, where it is not `orderId`."""

_WITHOUT_KEY: Final = frozenset({"SubscribeToPush"})
"""The mutations with an input that ask for a state, and so take no key."""
_VARIABLE: Final = re.compile(r"\$(\w+):")

Json = dict[str, Any]


class UsageError(Exception):
    """The operation cannot be run so; the message says what to do."""


def variables_of(name: str, text: str, given: Mapping[str, object], target: str) -> Json:
    """Return the variables of this document for what the caller gave.

    A mutation has the one variable `input`: the caller gives its fields, and a key is made where
    the fields have none. Raises UsageError for an id that the document does not take, or lacks.
    """
    declared = _VARIABLE.findall(text.partition("{")[0])
    if "input" in declared:
        fields: Any = given.get("input", given)
        target_field = {_TARGETS.get(name, "orderId"): target} if target else {}
        key = {} if name in _WITHOUT_KEY else {"idempotencyKey": str(uuid4())}
        return {"input": {**key, **target_field, **fields}}
    if "number" in declared and read_number(target):
        return {**given, "number": target}
    of_an_id = next((variable for variable in OF_AN_ID if variable in declared), None)
    if of_an_id is None and target:
        raise UsageError(f"{name} takes no ID")
    if of_an_id is None or of_an_id in given:
        return dict(given)
    if not target:
        raise UsageError(f"{name} needs an ID")
    return {**given, of_an_id: target}


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the answer as JSON; 0 unless it has errors."""
    role = role_of(options.role)
    name = _operation(options.operation)
    variables = variables_of(name, document(name), _given(options.variables), options.id)
    answer = await ask(settings, name, variables, role=role, sub=options.sub)
    if answer.get("data") is not None:
        sys.stdout.write(f"{json.dumps(answer['data'], indent=2, ensure_ascii=False)}\n")
    for error in answer.get("errors", ()):
        code = error.get("extensions", {}).get("code", "")
        sys.stderr.write(f"query: {code} {error['message']}\n")
    return 1 if answer.get("errors") else 0


async def ask(settings: Settings, name: str, variables: Json, *, role: Role, sub: str = "") -> Json:
    """Run the operation at the running service and return its answer, which may have errors.

    Raises SettingsError, and TransportError or JSONDecodeError where no API answers.
    """
    check(settings, "jwt_secret")
    bearer = token(settings.jwt_secret.get_secret_value(), role, sub or None)
    url = f"http://{LOOPBACK}:{settings.http_port}/graphql"
    body = {"query": document(name), "variables": variables}
    async with local_client(timeout=ANSWER_TIMEOUT_SECONDS) as http:
        response = await http.post(url, json=body, headers={"Authorization": f"Bearer {bearer}"})
    answer: Json = response.json()
    return answer


def _operation(name: str) -> str:
    if name not in operations():
        raise UsageError(f"{name or 'OP'} is no operation; there are {', '.join(operations())}")
    if document(name).startswith("subscription"):
        raise UsageError(f"{name} is a subscription: follow an order by `python -m demo.watch ID`")
    return name


def _given(text: str) -> Json:
    try:
        given = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise UsageError(f"ARGS is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise UsageError("ARGS is not a JSON object")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.query", description=__doc__)
    parser.add_argument("operation", help=f"one of {', '.join(operations())}")
    parser.add_argument(
        "--id", default="", help="of the order (or its number) or of the customer, or the SKU"
    )
    parser.add_argument("--variables", default="", help="a JSON object")
    parser.add_argument("--role", default=Role.OPERATOR, help="customer, operator or admin")
    parser.add_argument("--sub", default="", help="whose token it is (demo-<role>)")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(run(load_settings(), options))
    except (SettingsError, StackError, UsageError) as error:
        sys.stderr.write(f"query: {error}\n")
    except (httpx.TransportError, json.JSONDecodeError):
        sys.stderr.write("query: the API does not answer: start it first, with `make run`\n")
    return 1


if __name__ == "__main__":
    run_command(main)
