"""An order is followed over lost sockets, slow readers and expired tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from cli.client import Client
from cli.errors import CommandFailed, Refused, Unreachable
from cli.target import Target
from cli.watching import updates
from tests.unit.cli.running import TOKEN

Json = dict[str, Any]
CUT = object()
"""The socket closes without a word."""
EXPIRED = object()
"""The socket closes with the code for a token that is not valid."""


def an_update(
    position: int, status: str = "PLACED", newest: int | None = None, event: str | None = "Event"
) -> Json:
    """Return an update whose order may be newer than its event."""
    order = {"status": status, "position": f"p-{position if newest is None else newest}"}
    update = {"position": f"p-{position}", "eventType": event, "order": order}
    payload = {"data": {"orderUpdates": {"__typename": "OrderUpdate", **update}}}
    return {"type": "next", "payload": payload}


def lagged(position: int) -> Json:
    update = {"__typename": "Lagged", "position": f"p-{position}"}
    return {"type": "next", "payload": {"data": {"orderUpdates": update}}}


def failing(code: str) -> Json:
    return {"type": "error", "payload": [{"message": "it fails", "extensions": {"code": code}}]}


@dataclass
class Sockets:
    """It plays one script for each connection; the last one is repeated."""

    scripts: Sequence[Sequence[object]]
    url: str = ""
    variables: list[Json] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)

    def play(self, socket: ServerConnection) -> None:
        first = json.loads(socket.recv())
        assert first["type"] == "connection_init"
        self.authorizations.append(first["payload"]["authorization"])
        socket.send(json.dumps({"type": "connection_ack"}))
        self.variables.append(json.loads(socket.recv())["payload"]["variables"])
        for step in self.scripts[min(len(self.variables), len(self.scripts)) - 1]:
            if step is CUT:
                socket.socket.close()
            elif step is EXPIRED:
                socket.close(4403, "Forbidden")
            else:
                socket.send(json.dumps(step))
                if step == {"type": "ping"}:
                    self.received.append(json.loads(socket.recv())["type"])


@contextmanager
def sockets(*scripts: Sequence[object]) -> Iterator[Sockets]:
    played = Sockets(scripts)
    protocol = Subprotocol("graphql-transport-ws")
    with serve(played.play, "127.0.0.1", 0, subprotocols=[protocol]) as server:
        played.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield played
        finally:
            server.shutdown()
            thread.join()


def watched(api: Sockets, token: str | None = TOKEN) -> list[str]:
    """Return the positions of all updates until the order has ended."""
    client = Client(Target(api.url, token))
    return [update["position"] for update in updates(client, "o-1", None, lambda _: None)]


def test_updates_come_until_the_order_has_ended() -> None:
    with sockets([an_update(1), {"type": "ping"}, an_update(2, "COMPLETED"), an_update(3)]) as api:
        assert watched(api) == ["p-1", "p-2"]
    assert api.variables == [{"orderId": "o-1", "after": None}]
    assert api.authorizations == [f"Bearer {TOKEN}"]
    assert api.received == ["pong"]


def test_updates_before_the_last_event_come_though_the_order_has_ended_since() -> None:
    replayed = [an_update(n, "CANCELLED", newest=3) for n in (1, 2, 3, 4)]
    with sockets(replayed) as api:
        assert watched(api) == ["p-1", "p-2", "p-3"]


def test_an_order_that_has_ended_before_has_its_state_alone() -> None:
    with sockets([an_update(9, "RETURNED", newest=3, event=None), an_update(10)]) as api:
        assert watched(api) == ["p-9"]


def test_a_lost_socket_is_opened_again_after_the_last_position(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with sockets(
        [an_update(1), CUT],
        [CUT],
        [an_update(2), {"type": "complete"}],
        [an_update(3, "CANCELLED")],
    ) as api:
        assert watched(api) == ["p-1", "p-2", "p-3"]
    assert [v["after"] for v in api.variables] == [None, "p-1", "p-1", "p-2"]
    assert capsys.readouterr().err == "waybill: the connection is lost. Trying again ...\n"


def test_a_reader_that_was_too_slow_subscribes_again_after_its_position(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with sockets([an_update(1), lagged(4)], [an_update(5, "RETURNED")]) as api:
        assert watched(api) == ["p-1", "p-5"]
    assert [v["after"] for v in api.variables] == [None, "p-4"]
    assert capsys.readouterr().err == (
        "waybill: the output was too slow: reading on from the last change\n"
    )


@pytest.mark.parametrize(
    ("code", "exit_code"), [("NOT_FOUND", 4), ("POSITION_LOST", 1), ("INTERNAL", 1)]
)
def test_a_refused_subscription_ends_the_command(code: str, exit_code: int) -> None:
    with sockets([failing(code)]) as api, pytest.raises(Refused) as refused:
        watched(api)
    assert (refused.value.code, refused.value.exit_code) == (code, exit_code)
    assert len(api.variables) == 1


def test_an_error_beside_an_update_ends_the_command() -> None:
    error = {"message": "no", "extensions": {"code": "FORBIDDEN"}}
    message = {"type": "next", "payload": {"data": None, "errors": [error]}}
    with sockets([message]) as api, pytest.raises(Refused) as refused:
        watched(api)
    assert refused.value.code == "FORBIDDEN"


def test_a_server_that_is_unavailable_for_a_time_is_asked_again() -> None:
    with sockets([an_update(1), CUT], [failing("UNAVAILABLE")], [an_update(2, "REJECTED")]) as api:
        assert watched(api) == ["p-1", "p-2"]


def test_a_token_that_was_signed_here_is_signed_again_when_it_has_expired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", "a secret of a test, longer than 32 bytes")
    with sockets([an_update(1), EXPIRED], [an_update(2, "COMPLETED")]) as api:
        assert watched(api, token=None) == ["p-1", "p-2"]
    with sockets([an_update(1), EXPIRED], [EXPIRED]) as api, pytest.raises(Refused):
        watched(api, token=None)
    assert len(api.variables) == 2


def test_a_token_that_was_given_is_not_sent_again_when_it_has_expired() -> None:
    with sockets([an_update(1), EXPIRED]) as api, pytest.raises(CommandFailed) as failed:
        watched(api)
    assert str(failed.value).startswith(
        "UNAUTHENTICATED: the token is not valid, or has expired. Pass a valid --token"
    )
    assert len(api.variables) == 1


def test_an_api_that_is_away_at_first_ends_the_command() -> None:
    with sockets([CUT]) as api, pytest.raises(Unreachable):
        watched(api)
    assert len(api.variables) == 1
