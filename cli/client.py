"""Run documents of graphql/operations at a deployment over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cli.answers import answered, outcome
from cli.documents import document
from cli.errors import Refused, Unreachable
from cli.local_secrets import is_loopback
from cli.target import Credentials, Target

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]

_NOT_ANSWERED: Final = (
    "{url} has not answered within {seconds:g} s: check it with `waybill health`, or pass a larger "
    "--timeout. A change may have happened: run the same command again, it does nothing twice"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The value of a document's only field."""

    value: Any
    is_replayed: bool = False
    """True if the service has repeated its answer to an earlier request with the same key."""


class Client:
    """A client of one deployment."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.credentials = Credentials(target)

    def ask(self, name: str, /, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Return the value of the document's only field. Raises CommandFailed."""
        return self.run(name, variables).value

    def run(self, name: str, variables: Json) -> Answer:
        """Run the document. Raises CommandFailed.

        A request that exceeds a limit of the API is repeated when the API allows it, within the
        time of `--timeout`.
        """
        body = {"query": document(name), "variables": variables}
        patience = self.target.timeout
        while True:
            headers = {"Authorization": self.credentials.header()}
            response = self._send("POST", "/graphql", json=body, headers=headers)
            try:
                value, is_replayed = outcome(answered(response, self.target.base))
            except Refused as refused:
                pause = _pause(response) if refused.code == "RATE_LIMITED" else None
                if pause is None or pause > patience:
                    raise
                patience -= pause
                time.sleep(pause)
            else:
                return Answer(value, is_replayed)

    def get(self, path: str) -> tuple[int, Json]:
        """Return the status and the JSON of a page that needs no token. Raises Unreachable."""
        response = self._send("GET", path)
        return response.status_code, answered(response, self.target.base)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        import httpx  # noqa: PLC0415 - `waybill --help` starts without it

        base = self.target.base
        try:
            return self._http.request(method, f"{base}{path}", **options)
        except httpx.TimeoutException:
            raise Unreachable(_NOT_ANSWERED.format(url=base, seconds=self.target.timeout)) from None
        except httpx.TransportError as error:
            raise Unreachable(f"{base} does not answer ({_cause(error)}): check --url") from None
        except httpx.InvalidURL:
            raise Unreachable(f"{base} is no address: check --url") from None

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx  # noqa: PLC0415 - `waybill --help` starts without it

        from kit.local_http import NO_CERTIFICATES  # noqa: PLC0415 - likewise

        is_plain = self.target.url.startswith("http://")
        return httpx.Client(
            timeout=self.target.timeout,
            verify=NO_CERTIFICATES if is_plain else True,
            trust_env=not is_loopback(self.target.url),
        )


def _pause(response: httpx.Response) -> float | None:
    """Return the seconds after which the API accepts a request again."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _cause(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
