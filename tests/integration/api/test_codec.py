"""Call the codec endpoint as Temporal's Web UI and CLI do."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload

from api.app import create_app
from eventstore.privacy.keyring import Keyring
from settings import Environment, Settings
from temporal.payload_codec import EncryptionCodec
from tests.support.api_client import Api

UI: Final = "http://127.0.0.1:8233"
CLEAR: Final[dict[str, Any]] = {
    "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
    "data": base64.b64encode(b'"Mill Lane"').decode(),
}


async def encrypted(settings: Settings) -> dict[str, Any]:
    codec = EncryptionCodec(Keyring.of(settings, "payload_key"))
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"Mill Lane"')
    return MessageToDict((await codec.encode([payload]))[0])


async def decode(api: Api, headers: dict[str, str]) -> httpx.Response:
    body = {"payloads": [await encrypted(api.settings), CLEAR]}
    return await api.http.post("/codec/decode", json=body, headers=headers)


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_staff_read_payloads(api: Api, role: str) -> None:
    response = await decode(api, dict(api.viewer(role).headers))

    assert response.status_code == 200
    assert response.json() == {"payloads": [CLEAR, CLEAR]}


async def test_an_encoded_value_decodes_to_itself(api: Api) -> None:
    headers = dict(api.viewer("operator").headers)
    encoded = await api.http.post("/codec/encode", json={"payloads": [CLEAR]}, headers=headers)
    assert "Mill" not in encoded.text
    assert CLEAR["data"] not in encoded.text

    decoded = await api.http.post("/codec/decode", json=encoded.json(), headers=headers)
    assert decoded.json() == {"payloads": [CLEAR]}


async def test_a_customer_reads_no_payload(api: Api) -> None:
    response = await decode(api, dict(api.viewer().headers))

    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.parametrize("token", [None, "Bearer nonsense"])
async def test_a_payload_needs_a_token(api: Api, token: str | None) -> None:
    response = await decode(api, {} if token is None else {"authorization": token})

    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_the_embedded_ui_needs_no_token_in_development(api: Api) -> None:
    response = await decode(api, {"origin": UI, "x-namespace": "default"})

    assert response.json() == {"payloads": [CLEAR, CLEAR]}
    assert response.headers["access-control-allow-origin"] == UI


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "null", "http://127.0.0.1:8000", f"{UI}.example"]
)
async def test_another_page_gets_nothing_without_a_token_and_no_answer_it_may_read(
    api: Api, origin: str
) -> None:
    response = await decode(api, {"origin": origin})

    assert response.status_code == 401
    assert "access-control-allow-origin" not in response.headers


async def test_a_bad_token_is_refused_with_the_right_origin(api: Api) -> None:
    response = await decode(api, {"origin": UI, "authorization": "Bearer nonsense"})

    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == UI


async def test_a_browser_may_call_the_codec_for_the_ui_alone(api: Api) -> None:
    def preflight(origin: str) -> dict[str, str]:
        return {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-namespace,authorization",
        }

    allowed = await api.http.options("/codec/decode", headers=preflight(UI))
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == UI
    refused = await api.http.options("/codec/decode", headers=preflight("https://else.example"))
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": Environment.PRODUCTION, "allow_test_providers": True},
        {"temporal_ui_origin": UI},
    ],
)
async def test_a_token_is_always_needed_in_production_and_with_another_ui(
    api: Api, changes: dict[str, object]
) -> None:
    app = create_app(api.settings.model_copy(update=changes))
    body = {"payloads": [await encrypted(api.settings)]}

    response = await asked(app, body, origin=UI)

    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == UI


async def test_another_machine_always_needs_a_token(api: Api) -> None:
    body = {"payloads": [await encrypted(api.settings)]}
    response = await asked(create_app(api.settings), body, origin=UI, client="192.0.2.7")
    assert response.status_code == 401


async def asked(
    app: FastAPI, body: Mapping[str, object], *, origin: str, client: str = "127.0.0.1"
) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(client, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        return await http.post("/codec/decode", json=body, headers={"origin": origin})


@pytest.mark.parametrize(
    "body", [b"", b"7", b"no json", b'{"payloads": [{"data": 7}]}', b"\xff", b'{"other": []}']
)
async def test_a_body_without_payloads_is_refused(api: Api, body: bytes) -> None:
    headers = dict(api.viewer("operator").headers)
    response = await api.http.post("/codec/decode", content=body, headers=headers)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_payload_under_an_unknown_key_names_the_key(api: Api) -> None:
    payload = await encrypted(api.settings)
    payload["metadata"]["encryption-key-id"] = base64.b64encode(b"feedface").decode()
    headers = dict(api.viewer("operator").headers)

    response = await api.http.post("/codec/decode", json={"payloads": [payload]}, headers=headers)

    assert response.status_code == 400
    assert "key feedface" in response.json()["errors"][0]["message"]
