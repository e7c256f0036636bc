"""Whatever is sent, over HTTP or over the socket, is no error of the server's."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.fuzzing import BODIES, HEADERS, INTERNAL, TARGETS
from tests.support.api_client import Api

EXAMPLES = 200
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "OPTIONS", "HEAD"])


@given(target=TARGETS, body=BODIES, changed=HEADERS, method=METHODS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
async def test_no_request_is_a_server_error(
    module_api: Api, target: str, body: bytes, changed: dict[str, str], method: str
) -> None:
    sent = {**module_api.viewer("operator").headers, "content-type": "application/json"} | changed

    response = await module_api.http.request(method, target, content=body, headers=sent)

    assert response.status_code < 500
    assert INTERNAL.search(response.text) is None
