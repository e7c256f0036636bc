"""An API with scripted answers, for what the real one does rarely or never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer. A body that is no text is sent as JSON; None closes the connection."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass
class ScriptedApi:
    """It gives its replies in their order; the last one is repeated."""

    replies: Sequence[Reply]
    url: str = ""
    requests: list[Json] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def variables(self) -> list[Json]:
        return [request["variables"] for request in self.requests]

    def reply(self) -> Reply:
        return self.replies[min(len(self.paths), len(self.replies)) - 1]


def data(value: object, **extensions: object) -> Reply:
    """Return the answer with this value of its only field."""
    return Reply({"data": {"field": value}, "extensions": extensions})


def user_error(code: str, message: str, *field: str) -> Reply:
    error = {"code": code, "message": message, "field": list(field) or None}
    return data({"order": None, "userErrors": [error]})


def request_error(code: str, message: str, status: int = 200, **headers: str) -> Reply:
    error = {"message": message, "extensions": {"code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"data": None, "errors": [error]}, status, named)


def connection(nodes: Sequence[object], *, more: bool = False, cursor: str = "end") -> Json:
    return {
        "edges": [{"node": node} for node in nodes],
        "pageInfo": {"hasNextPage": more, "endCursor": cursor if nodes else None},
    }


@contextmanager
def scripted_api(*replies: Reply) -> Iterator[ScriptedApi]:
    """Serve these replies on a free port of this machine."""
    api = ScriptedApi(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            api.requests.append(json.loads(self.rfile.read(length)))
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            api.paths.append(self.path)
            api.authorizations.append(self.headers.get("Authorization"))
            reply = api.reply()
            if reply.hangs:
                api.released.wait()
            if reply.body is None:
                self.close_connection = True
                return
            is_text = isinstance(reply.body, str)
            raw = str(reply.body).encode() if is_text else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            api.released.set()
            server.shutdown()
            thread.join()
