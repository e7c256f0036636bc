"""Follow one order by the subscription `orderUpdates`, over graphql-transport-ws."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from cli import output
from cli.answers import of_request
from cli.client import Client
from cli.documents import document
from cli.errors import CommandFailed, Refused, Unreachable, refusal
from cli.local_secrets import is_loopback
from cli.tailing import PAUSES_SECONDS
from cli.values import moment, shown

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

Json = dict[str, Any]

FINAL: Final = frozenset({"COMPLETED", "REJECTED", "CANCELLED", "RETURNED"})
"""The statuses that no order leaves."""
FORBIDDEN: Final = 4403
"""The socket closes with this code when the token is not valid, or has expired."""

_PROTOCOL: Final = "graphql-transport-ws"


class _Interrupted(Exception):
    """The subscription has ended, and can be resumed after the last position."""


def updates(
    client: Client,
    order_id: str,
    after: str | None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Json]:
    """Yield each change of the order until it has ended, and its state at first without `after`.

    The first connection raises CommandFailed. A later one that is lost is opened again.
    """
    tries, is_connected = 0, False
    while True:
        try:
            for update in _subscription(client, order_id, after):
                after, tries, is_connected = update["position"], 0, True
                if update["__typename"] == "Lagged":
                    output.note("the output was too slow: reading on from the last change")
                    raise _Interrupted  # noqa: TRY301 - the same way back as from a lost socket
                yield update
                if _is_last(update):
                    return
        except _Interrupted:
            pass
        except (Unreachable, Refused) as error:
            if not (is_connected and _passes(client, error, tries)):
                raise
            if not tries:
                output.note(f"{error}. Trying again ...")
        pause(PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)])
        tries += 1


def _is_last(update: Json) -> bool:
    """Return whether the order has ended and no event of it is still to come.

    The order of an update may be newer than its event, as it is after a lost connection.
    """
    order = update["order"]
    is_newest = update["eventType"] is None or update["position"] == order["position"]
    return is_newest and order["status"] in FINAL


def _passes(client: Client, error: CommandFailed, tries: int) -> bool:
    """Return whether another try may succeed, after updates have come."""
    if not isinstance(error, Refused):
        return True
    if error.code == "UNAUTHENTICATED":
        return client.credentials.is_renewable and not tries
    return error.code in {"UNAVAILABLE", "RATE_LIMITED"}


def _subscription(client: Client, order_id: str, after: str | None) -> Iterator[Json]:
    """Yield the messages of one connection. Raises _Interrupted at its end, and CommandFailed."""
    from websockets.exceptions import ConnectionClosed, WebSocketException  # noqa: PLC0415

    try:
        with _connection(client) as socket:
            payload = {
                "query": document("OrderUpdates"),
                "variables": {"orderId": order_id, "after": after},
            }
            signed = {"authorization": client.credentials.header()}
            socket.send(json.dumps({"type": "connection_init", "payload": signed}))
            socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            yield from _messages(socket)
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code == FORBIDDEN:
            raise refusal("UNAUTHENTICATED", "the token is not valid, or has expired") from None
        raise Unreachable("the connection is lost") from None
    except (OSError, WebSocketException) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(f"{client.target.base} does not answer ({text}): check --url") from None


def _connection(client: Client) -> ClientConnection:
    from websockets.sync.client import connect  # noqa: PLC0415 - only this command needs it
    from websockets.typing import Subprotocol  # noqa: PLC0415 - likewise

    return connect(
        f"ws{client.target.base.removeprefix('http')}/graphql",
        subprotocols=[Subprotocol(_PROTOCOL)],
        open_timeout=client.target.timeout,
        close_timeout=1,
        proxy=None if is_loopback(client.target.url) else True,
    )


def _messages(socket: ClientConnection) -> Iterator[Json]:
    for text in socket:
        message = json.loads(text)
        match message["type"]:
            case "next" if errors := message["payload"].get("errors"):
                raise of_request(errors)
            case "next":
                yield message["payload"]["data"]["orderUpdates"]
            case "error":
                raise of_request(message["payload"])
            case "ping":
                socket.send(json.dumps({"type": "pong"}))
            case "complete":
                raise _Interrupted
    raise Unreachable("the connection is closed")


def line(update: Json) -> str:
    """Return the change in one line."""
    order = update["order"]
    payment, shipment = order["payment"] or {}, order["shipment"] or {}
    return (
        f"{moment(order['updatedAt'])}  {shown(update['eventType'] or '(now)'):<22}  "
        f"{shown(order['status']):<10}  payment {shown(payment.get('status'))}, "
        f"shipment {shown(shipment.get('status'))}"
        f"{', needs attention' if order['needsAttention'] else ''}"
    )
