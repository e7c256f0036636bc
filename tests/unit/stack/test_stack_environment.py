from __future__ import annotations

import base64
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from notifications.operators.config import check_settings
from settings import DatabaseRole, Settings
from stack.environment import (
    OUTSIDE,
    SECRETS,
    database_urls,
    given_by_user,
    of_the_simulators,
    ports_of_user,
    stack_environment,
    system_environment,
)
from stack.ports import Ports

PORTS = Ports(8000, 7233, 8233, 5433, 4223, 8223, 8101, 8102, 1026, 8103)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    stack_environment(tmp_path, PORTS)
    assert stat.S_IMODE((tmp_path / "stack.env").stat().st_mode) == 0o600


def test_a_second_start_keeps_every_secret_and_follows_the_ports(tmp_path: Path) -> None:
    first = stack_environment(tmp_path, PORTS)
    second = stack_environment(tmp_path, replace(PORTS, postgres_port=6000, nats_port=6001))
    assert {name: second[name] for name in SECRETS} == {name: first[name] for name in SECRETS}
    assert second["WAYBILL_NATS_URL"] == "nats://127.0.0.1:6001"
    moved = first["WAYBILL_DATABASE_URL"].replace(":5433/", ":6000/")
    assert second["WAYBILL_DATABASE_URL"] == moved


def test_each_role_keeps_its_login_and_password_at_later_starts(
    tmp_path: Path,
) -> None:
    first = database_urls(stack_environment(tmp_path, PORTS))
    again = database_urls(stack_environment(tmp_path, PORTS))
    assert first == again
    assert {role: urlsplit(url).username for role, url in first.items()} == {
        DatabaseRole.APPEND: "waybill_append_login",
        DatabaseRole.API: "waybill_api_login",
        DatabaseRole.PROJECTIONS: "waybill_projections_login",
        DatabaseRole.MIGRATION: "waybill",
    }
    assert len({urlsplit(url).password for url in first.values()}) == 4


def test_the_password_of_a_folder_from_before_the_roles_is_the_owners(tmp_path: Path) -> None:
    old = "postgresql+asyncpg://waybill:kept@127.0.0.1:5433/waybill"
    (tmp_path / "stack.env").write_text(f"WAYBILL_DATABASE_URL={old}\n")
    made = database_urls(stack_environment(tmp_path, PORTS))
    assert made[DatabaseRole.MIGRATION] == old
    assert urlsplit(made[DatabaseRole.APPEND]).password != "kept"  # noqa: S105


def test_no_two_folders_share_a_secret(tmp_path: Path) -> None:
    here, there = (stack_environment(tmp_path / name, PORTS) for name in _folders(tmp_path))
    assert not {here[name] for name in SECRETS} & {there[name] for name in SECRETS}


def test_the_settings_of_another_terminal_are_those_of_the_file(tmp_path: Path) -> None:
    made = stack_environment(tmp_path, PORTS)
    settings = Settings(_env_file=tmp_path / "stack.env")
    assert settings.database_url.get_secret_value() == made["WAYBILL_DATABASE_URL"]
    assert settings.jwt_secret.get_secret_value() == made["WAYBILL_JWT_SECRET"]


def test_the_secrets_have_the_form_their_users_need(tmp_path: Path) -> None:
    made = stack_environment(tmp_path, PORTS)
    for name in ("WAYBILL_PAYLOAD_KEY", "WAYBILL_MASTER_KEY", "WAYBILL_SEARCH_KEY"):
        assert len(base64.b64decode(made[name], validate=True)) == 32
    assert made["WAYBILL_CARRIER_WEBHOOK_SECRET"].startswith("whsec_")
    Webhook(made["WAYBILL_CARRIER_WEBHOOK_SECRET"])


def test_a_secret_of_the_user_wins_and_a_foreign_address_does_not(tmp_path: Path) -> None:
    given = {
        "WAYBILL_JWT_SECRET": "the user's own",
        "WAYBILL_DATABASE_URL": "postgresql://elsewhere/orders",
        "WAYBILL_PAYMENT_WINDOW": "PT5S",
    }
    environment = system_environment(tmp_path, PORTS, given)
    assert environment["WAYBILL_JWT_SECRET"] == "the user's own"  # noqa: S105
    assert "@127.0.0.1:5433/waybill" in environment["WAYBILL_DATABASE_URL"]
    assert environment["WAYBILL_PAYMENT_WINDOW"] == "PT5S"


def test_a_secret_of_the_user_is_not_written_down(tmp_path: Path) -> None:
    system_environment(tmp_path, PORTS, {"WAYBILL_JWT_SECRET": "the user's own"})
    assert "the user's own" not in (tmp_path / "stack.env").read_text()


def test_a_test_system_takes_nothing_from_the_shell_of_its_developer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_RETURN_WINDOW", "PT1H")
    assert "WAYBILL_RETURN_WINDOW" not in system_environment(tmp_path, PORTS)
    given = given_by_user(Settings(_env_file=None))
    assert system_environment(tmp_path, PORTS, given)["WAYBILL_RETURN_WINDOW"] == "PT1H"


def test_a_customer_returns_to_the_embedded_service_by_default(tmp_path: Path) -> None:
    environment = system_environment(tmp_path, PORTS)
    assert environment["WAYBILL_PAYMENT_URL"] == "http://127.0.0.1:8101"
    assert environment["WAYBILL_PAYMENT_RETURN_URL"] == "http://127.0.0.1:8000/"


@pytest.mark.parametrize("given_by", ["environment", "file"])
def test_the_users_provider_url_wins_even_when_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_by: str
) -> None:
    monkeypatch.chdir(tmp_path)
    stack_environment(tmp_path, PORTS)
    if given_by == "environment":
        monkeypatch.setenv("WAYBILL_PAYMENT_URL", "")
    else:
        (tmp_path / ".env").write_text("WAYBILL_PAYMENT_URL=\n")

    given = given_by_user(Settings(_env_file=tmp_path / "stack.env"))

    environment = system_environment(tmp_path, PORTS, given)
    assert environment["WAYBILL_PAYMENT_URL"] == ""
    assert environment["WAYBILL_CARRIER_URL"] == "http://127.0.0.1:8102"
    elsewhere = Settings(_env_file=tmp_path / "stack.env")
    assert elsewhere.payment_url == ""


def test_the_demonstration_never_reaches_the_providers_of_the_user(tmp_path: Path) -> None:
    given = {"WAYBILL_JWT_SECRET": "own", **dict.fromkeys(OUTSIDE, "https://real.example")}
    environment = system_environment(tmp_path, PORTS, of_the_simulators(given))
    assert environment["WAYBILL_JWT_SECRET"] == "own"  # noqa: S105
    assert "https://real.example" not in environment.values()


def _folders(parent: Path) -> tuple[str, str]:
    for name in (folders := ("here", "there")):
        (parent / name).mkdir()
    return folders


def test_clients_find_the_http_port_and_the_next_start_does_not_take_it_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAYBILL_HTTP_PORT", raising=False)
    stack_environment(tmp_path, replace(PORTS, http_port=18000))
    settings = Settings(_env_file=tmp_path / "stack.env")
    assert settings.http_port == 18000
    assert ports_of_user(settings).http_port == 8000


@pytest.mark.parametrize("told_by", ["environment", "file"])
def test_a_port_that_the_user_names_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAYBILL_HTTP_PORT", raising=False)
    if told_by == "environment":
        monkeypatch.setenv("WAYBILL_HTTP_PORT", "18001")
    else:
        (tmp_path / ".env").write_text("WAYBILL_HTTP_PORT=18001\n")
    assert ports_of_user(Settings(_env_file=".env")).http_port == 18001


def test_clients_know_the_return_window_of_the_stack_that_runs(tmp_path: Path) -> None:
    stack_environment(tmp_path, PORTS, {"WAYBILL_RETURN_WINDOW": "PT3S"})
    assert Settings(_env_file=tmp_path / "stack.env").return_window == timedelta(seconds=3)
    stack_environment(tmp_path, PORTS)
    assert Settings(_env_file=tmp_path / "stack.env").return_window == timedelta(days=30)


def test_operators_get_the_mails_of_the_embedded_service(tmp_path: Path) -> None:
    made = stack_environment(tmp_path, PORTS)
    assert made["WAYBILL_OPERATOR_EMAIL"] == "operators@waybill.example"
    check_settings(Settings(_env_file=tmp_path / "stack.env"))


def test_operators_get_no_mail_when_the_user_has_switched_mails_off(tmp_path: Path) -> None:
    stack_environment(tmp_path, PORTS, {"WAYBILL_SMTP_URL": ""})
    settings = Settings(_env_file=tmp_path / "stack.env")
    assert settings.operator_email == ""
    check_settings(settings)


def test_the_webhook_of_the_users_operators_is_called_and_never_by_the_demonstration(
    tmp_path: Path,
) -> None:
    given = {
        "WAYBILL_OPERATOR_WEBHOOK_URL": "https://hooks.example.com/",
        "WAYBILL_OPERATOR_WEBHOOK_SECRET": "whsec_b3BlcmF0b3JzLW9wZXJhdG9ycy1vcGVyYXRvcnMtMTIz",
    }
    stack_environment(tmp_path, PORTS, given)
    check_settings(Settings(_env_file=tmp_path / "stack.env"))

    of_demo = system_environment(tmp_path, PORTS, of_the_simulators(given))
    assert [of_demo[name] for name in given] == ["", ""]
