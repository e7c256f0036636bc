"""A token is the caller's, or is signed here; it is sent to the deployment and printed nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from cli.target import Credentials, Target, default_url
from kit.tokens import AUDIENCE, ISSUER
from tests.support.scripted_api import ScriptedApi, connection, data, scripted_api
from tests.unit.cli.running import TOKEN, Waybill

SECRET = "a secret of a test, longer than 32 bytes"  # noqa: S105
OTHER = "another secret of a test, of over 32 bytes"


def claims(api: ScriptedApi, secret: str = SECRET) -> dict[str, Any]:
    """Return the claims of the token that was sent. Fail unless the secret has signed it."""
    assert api.authorizations[0]
    scheme, _, token = api.authorizations[0].partition(" ")
    assert scheme == "Bearer"
    found: dict[str, Any] = jwt.decode(
        token, secret, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER
    )
    return found


def stack_file(folder: Path, *lines: str) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "stack.env").write_text("\n".join(("# Keep it secret.", *lines)))


def test_a_token_is_signed_here_for_an_operator_and_15_minutes(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    with scripted_api(data(connection([]))) as api:
        ended = waybill("--url", api.url, "orders", "list")
    found = claims(api)
    assert (found["sub"], found["role"], found["exp"] - found["iat"]) == (
        *("cli-operator", "operator", 900),
    )
    assert (ended.code, ended.out) == (0, "")


def test_the_role_and_the_name_of_a_signed_token_are_the_callers(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    with scripted_api(data(connection([]))) as api:
        waybill("--url", api.url, "--role", "admin", "--sub", "eve", "orders", "list")
    assert (claims(api)["sub"], claims(api)["role"]) == ("eve", "admin")


def test_a_given_token_is_sent_though_a_secret_is_there(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    with scripted_api(data(connection([]))) as api:
        monkeypatch.setenv("WAYBILL_URL", api.url)
        monkeypatch.setenv("WAYBILL_TOKEN", TOKEN)
        waybill("orders", "list")
    assert api.authorizations == [f"Bearer {TOKEN}"]


def test_the_embedded_stacks_secret_and_port_need_no_options(
    waybill: Waybill, tmp_path: Path
) -> None:
    with scripted_api(data(connection([]))) as api:
        port = api.url.rpartition(":")[2]
        stack_file(tmp_path, f"WAYBILL_JWT_SECRET={SECRET}", f"WAYBILL_HTTP_PORT={port}")
        ended = waybill("orders", "list")
    assert ended.code == 0
    assert claims(api)["role"] == "operator"


def test_the_env_file_comes_before_that_of_the_stack(waybill: Waybill, tmp_path: Path) -> None:
    stack_file(tmp_path, f"WAYBILL_JWT_SECRET={OTHER}")
    (tmp_path / ".env").write_text(f'#WAYBILL_JWT_SECRET=no\nWAYBILL_JWT_SECRET="{SECRET}"\n')
    with scripted_api(data(connection([]))) as api:
        waybill("--url", api.url, "orders", "list")
    assert claims(api)["role"] == "operator"


def test_a_secret_of_this_machine_signs_nothing_for_another_deployment(
    waybill: Waybill, tmp_path: Path
) -> None:
    stack_file(tmp_path, f"WAYBILL_JWT_SECRET={SECRET}")
    ended = waybill("--url", "https://waybill.example", "orders", "list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "waybill: there is no token: pass --token, or set WAYBILL_TOKEN, or WAYBILL_JWT_SECRET to "
        "sign one\n"
    )


def test_a_file_that_cannot_be_read_has_no_secret(waybill: Waybill, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"WAYBILL_JWT_SECRET=\xff\xfe")
    assert waybill("orders", "list").code == 2
    assert default_url() == "http://127.0.0.1:8000"


def test_the_command_token_prints_one_and_asks_no_server(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    ended = waybill(
        *("--url", "https://waybill.example"),
        *("token", "--role", "customer", "--sub", "ada", "--minutes", "5"),
    )
    found = jwt.decode(ended.out.strip(), SECRET, algorithms=["HS256"], audience=AUDIENCE)
    assert (found["sub"], found["role"], found["exp"] - found["iat"]) == ("ada", "customer", 300)
    assert (ended.code, ended.err) == (0, "")


def test_a_role_that_is_none_is_refused(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    for arguments in (("token", "--role", "root"), ("--role", "root", "orders", "list")):
        ended = waybill(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == ("waybill: --role: 'root' is not a role: customer, operator, admin\n")


def test_a_token_that_is_signed_here_is_renewed_before_it_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAYBILL_JWT_SECRET", SECRET)
    clock, tokens = [0.0], iter(("first", "second"))
    monkeypatch.setattr("cli.target.monotonic", lambda: clock[0])
    monkeypatch.setattr("cli.target.signed", lambda *_: next(tokens))
    credentials = Credentials(Target("http://127.0.0.1:8000"))

    def header_at(seconds: float) -> str:
        clock[0] = seconds
        return credentials.header()

    assert [header_at(seconds) for seconds in (0.0, 449.0, 451.0, 452.0)] == [
        *("Bearer first", "Bearer first", "Bearer second", "Bearer second"),
    ]


def test_neither_the_target_nor_the_credentials_show_the_token() -> None:
    target = Target("http://127.0.0.1:8000", TOKEN)
    assert TOKEN not in repr(target) + repr(Credentials(target))
