"""`/`: a page for whoever tries the service, in development only."""

from __future__ import annotations

import re

import httpx
import pytest

from api.app import create_app
from kit.local_http import local_client
from settings import Environment, Settings
from tests.support.api_client import served


async def asked(settings: Settings, path: str) -> httpx.Response:
    async with (
        served(create_app(settings)) as url,
        local_client(base_url=url, timeout=10) as http,
    ):
        return await http.get(path)


async def test_the_page_links_to_what_there_is_and_shows_a_first_query(
    real_settings: Settings,
) -> None:
    settings = real_settings.model_copy(update={"temporal_ui_port": 18233, "http_port": 18000})
    response = await asked(settings, "/?redirect_status=succeeded")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r'href="(.*?)"', response.text) == [
        *("/graphql", "/readyz", "/metrics", "http://127.0.0.1:18233"),
    ]
    assert "TOKEN=$(make -s token ROLE=customer)" in response.text
    assert "curl -s http://localhost:18000/graphql" in response.text


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("production", 404)])
async def test_production_has_no_such_page(
    real_settings: Settings, environment: str, status: int
) -> None:
    changes = {"environment": Environment(environment), "allow_test_providers": True}
    assert (await asked(real_settings.model_copy(update=changes), "/")).status_code == status
