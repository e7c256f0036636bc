from __future__ import annotations

import json

import pytest

from tests.support.scripted_api import Json, Reply, scripted_api
from tests.unit.cli.running import Waybill

OK: Json = {"status": "ok", "required": True, "age_seconds": 3725.2}
AWAY: Json = {"status": "failing", "required": True, "age_seconds": 12.0, "detail": "no answer"}
LATE: Json = {"status": "failing", "required": False, "age_seconds": 0.4, "detail": "it is late"}


def ready(status: str, **checks: Json) -> Reply:
    body = {"status": status, "checks": checks}
    return Reply(body, 503 if status == "not ready" else 200)


@pytest.mark.parametrize("status", ["ready", "degraded"])
def test_each_check_is_shown_with_its_age(waybill: Waybill, status: str) -> None:
    with scripted_api(ready(status, database=OK, relay=LATE)) as api:
        ended = waybill("health", at=api)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        f"{api.url} is {status}.",
        "CHECK     STATUS   FOR        REQUIRED  DETAIL",
        "database  ok       1 h 2 min  yes       -",
        "relay     failing  0 s        no        it is late",
    ]
    assert api.paths == ["/readyz"]


def test_a_service_that_is_not_ready_ends_with_1_and_names_the_checks(waybill: Waybill) -> None:
    reply = ready("not ready", database=OK, temporal=AWAY, relay=LATE)
    with scripted_api(reply) as api:
        ended = waybill("health", "--json", at=api)
    assert ended.code == 1
    assert json.loads(ended.out) == reply.body
    assert ended.err == f"waybill: {api.url} is not ready: temporal\n"


def test_no_token_is_needed_and_none_is_sent(waybill: Waybill) -> None:
    with scripted_api(ready("ready", database=OK)) as api:
        assert waybill("--url", api.url, "health").code == 0
    assert api.authorizations == [None]


def test_health_on_a_port_of_its_own_is_asked_there(waybill: Waybill) -> None:
    missing = Reply({"detail": "Not Found"}, 404)
    with scripted_api(missing) as api, scripted_api(ready("ready", database=OK)) as beside:
        hint = waybill("health", at=api)
        found = waybill("health", "--monitoring-url", beside.url, at=api)
    assert (hint.code, hint.out) == (3, "")
    assert hint.err == (
        f"waybill: {api.url}/readyz has answered 404 without checks: pass --monitoring-url, if "
        "health is served on a port of its own\n"
    )
    assert (found.code, beside.authorizations) == (0, [None])
