from __future__ import annotations

import pytest

from kit.local_http import NO_CERTIFICATES, local_client


async def test_a_local_client_uses_no_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")

    async with local_client(base_url="http://127.0.0.1:1", timeout=3.0) as client:
        assert client.trust_env is False
        assert client._mounts == {}
        assert (str(client.base_url), client.timeout.read) == ("http://127.0.0.1:1", 3.0)


def test_a_local_client_trusts_no_tls_server() -> None:
    assert NO_CERTIFICATES.get_ca_certs() == []
    assert NO_CERTIFICATES.check_hostname
