"""Check docker-compose.yml, the Dockerfile and .dockerignore, as far as no engine is needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.app import REQUIRED
from roles.temporal_worker import DRAIN
from settings import Settings
from settings_checks import check
from settings_sources import OF_COMPOSE
from stack.processes import ROOT
from tests.integration.deployment.compose import (
    COMPOSE_FILE,
    EXAMPLE,
    Service,
    configured,
    copy_of_the_image,
)

ONCE = {"migrate", "catalogue", "temporal-schema", "temporal-namespace"}
SIMULATORS = {"payment-simulator", "carrier-simulator", "mail-sink"}
WORKER_NEEDS = (
    *("database_url", "temporal_address", "payload_key", "master_key", "search_key", "nats_url"),
    *("payment_api_key", "carrier_url", "carrier_api_key"),
)


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return configured(tmp_path_factory.mktemp("compose"), "--profile", "*")


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


def settings_of(service: Service, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WAYBILL_{name.upper()}", raising=False)
    for name, value in service["environment"].items():
        if value is not None:
            monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


def test_every_waybill_variable_in_a_container_is_a_setting(services: dict[str, Service]) -> None:
    given = {name for service in services.values() for name in service.get("environment", {})}
    ours = {name.removeprefix("WAYBILL_") for name in given if name.startswith("WAYBILL_")}
    assert ours
    assert ours - {name.upper() for name in Settings.model_fields} == set()


def test_the_api_has_all_it_requires(
    services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(services["api"], monkeypatch)
    check(settings, *REQUIRED, "temporal_address", "nats_url")


def test_the_limits_of_clients_and_the_trusted_proxies_reach_the_api(tmp_path: Path) -> None:
    """A reverse proxy forwards all requests.

    Unless the API trusts it, all clients share its address.
    """
    given = {
        "WAYBILL_RATE_LIMIT_PER_PRINCIPAL": "7",
        "WAYBILL_RATE_LIMIT_PER_ADDRESS": "8",
        "WAYBILL_TRUSTED_PROXIES": "172.16.0.0/12",
        "WAYBILL_PUBLIC_STOCK_LIMIT": "9",
    }
    lines = "".join(f"{name}={value}\n" for name, value in given.items())
    (example := tmp_path / "example").write_text(EXAMPLE.read_text() + lines)

    api = configured(tmp_path, example=example)["services"]["api"]

    assert {name: api["environment"].get(name) for name in given} == given


def test_the_worker_has_all_it_requires(
    services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(services["worker"], monkeypatch)
    check(settings, *WORKER_NEEDS)


def test_the_example_with_its_simulators_is_for_development(services: dict[str, Service]) -> None:
    assert environments(services) == {"development"}


def test_the_environment_is_production_by_default(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.read_text().replace("\nWAYBILL_ENVIRONMENT=development\n", "\n")
    (silent := tmp_path / "example").write_text(text)

    services = configured(tmp_path, "--profile", "*", example=silent)["services"]

    assert environments(services) == {"production"}
    assert "WAYBILL_ENVIRONMENT=production" in (ROOT / "Dockerfile").read_text()


def environments(services: Mapping[str, Service]) -> set[str]:
    given = [service.get("environment", {}) for service in services.values()]
    return {of["WAYBILL_ENVIRONMENT"] for of in given if "WAYBILL_ENVIRONMENT" in of}


def test_the_passwords_that_no_process_reads_are_those_of_the_example() -> None:
    passwords = re.findall(r"^(\w+_PASSWORD)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert set(passwords) == OF_COMPOSE


def test_the_migrations_get_the_database_and_no_other_secret(services: dict[str, Service]) -> None:
    assert set(services["migrate"]["environment"]) == {"WAYBILL_MIGRATION_DATABASE_URL"}


def test_each_process_has_only_its_own_roles_database_url(
    services: dict[str, Service],
) -> None:
    users = {
        (name, variable): urlsplit(value).username
        for name, service in services.items()
        for variable, value in service.get("environment", {}).items()
        if variable.endswith("DATABASE_URL")
    }
    assert users == {
        ("api", "WAYBILL_API_DATABASE_URL"): "waybill_api_login",
        ("worker", "WAYBILL_DATABASE_URL"): "waybill_append_login",
        ("worker", "WAYBILL_PROJECTIONS_DATABASE_URL"): "waybill_projections_login",
        ("catalogue", "WAYBILL_DATABASE_URL"): "waybill_append_login",
        ("migrate", "WAYBILL_MIGRATION_DATABASE_URL"): "waybill",
    }


def test_the_worker_and_the_api_alone_have_the_key_to_personal_data(
    services: dict[str, Service],
) -> None:
    for variable in ("WAYBILL_MASTER_KEY", "WAYBILL_RETIRED_MASTER_KEYS", "WAYBILL_SEARCH_KEY"):
        holders = {name for name, s in services.items() if variable in s.get("environment", {})}
        assert holders == {"worker", "api"}


def test_no_secret_has_a_default() -> None:
    used = re.findall(r"\$\{(\w*(?:SECRET|KEY|PASSWORD))\b([^}]*)\}", COMPOSE_FILE.read_text())
    assert {how for _, how in used} == {":?set it in .env, see deploy/compose.env.example"}
    empty = re.findall(r"^(\w+)=$", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert {name for name, _ in used} == set(empty)


def test_ports_are_published_on_loopback_only(services: dict[str, Service]) -> None:
    published = {
        name: [(port["host_ip"], port["published"]) for port in service["ports"]]
        for name, service in services.items()
        if "ports" in service
    }
    assert published == {
        "api": [("127.0.0.1", "8000")],
        "grafana": [("127.0.0.1", "3000")],
        "jaeger": [("127.0.0.1", "16686")],
        "mail-sink": [("127.0.0.1", "8103")],
        "payment-simulator": [("127.0.0.1", "8101")],
        "prometheus": [("127.0.0.1", "9090")],
        "temporal-ui": [("127.0.0.1", "8233")],
    }


def test_the_servers_are_on_a_network_without_a_way_out(compose: dict[str, Any]) -> None:
    assert compose["networks"]["servers"]["internal"] is True
    for name in ("postgres", "nats", "kafka", "temporal", "postgres-exporter", "nats-exporter"):
        assert set(compose["services"][name]["networks"]) == {"servers"}


def test_the_worker_can_be_run_many_times(services: dict[str, Service]) -> None:
    assert services["worker"].keys().isdisjoint({"container_name", "ports", "volumes"})


def test_the_worker_has_more_time_to_stop_than_it_drains(services: dict[str, Service]) -> None:
    grace = services["worker"]["stop_grace_period"]
    assert grace == "30s"
    assert DRAIN.total_seconds() < 30


def test_a_long_running_service_is_restarted_and_watched(services: dict[str, Service]) -> None:
    running = {name for name, service in services.items() if service["restart"] != "on-failure"}
    assert running == services.keys() - ONCE
    for name in running:
        assert services[name]["restart"] == "unless-stopped"
        assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_every_service_waits_for_its_dependencies(services: dict[str, Service]) -> None:
    for service in services.values():
        for other, awaited in service.get("depends_on", {}).items():
            done = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert awaited["condition"] == done


def test_every_container_is_confined(services: dict[str, Service]) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.keys() & {"cap_add", "privileged"}


def test_every_image_is_pinned_to_a_release(services: dict[str, Service]) -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    images = [service["image"] for service in services.values()]
    assert len(set(bases)) == 1
    for image in (*bases, *images):
        tag, _, digest = image.partition("@")  # deploy/pin adds the digest
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?", tag)
        assert re.fullmatch(r"(sha256:[0-9a-f]{64})?", digest)


def test_a_simulator_runs_only_where_it_is_asked_for(tmp_path: Path) -> None:
    asked = set(configured(tmp_path)["services"])  # the example sets COMPOSE_PROFILES
    unasked = set(configured(tmp_path, "--profile", "none")["services"])
    assert asked - unasked == {*SIMULATORS, "catalogue"}


def test_kafka_runs_only_where_it_is_asked_for(tmp_path: Path) -> None:
    asked = configured(tmp_path, "--profile", "kafka")["services"]
    unasked = set(configured(tmp_path, "--profile", "none")["services"])
    assert asked.keys() - unasked == {"kafka"}
    assert asked["worker"]["environment"]["WAYBILL_KAFKA_BOOTSTRAP"] == "kafka:9092"
    assert asked["api"]["depends_on"]["kafka"] == {
        "condition": "service_healthy",
        "required": False,
    }


def test_the_api_and_the_worker_send_traces_to_jaeger(services: dict[str, Service]) -> None:
    given = {
        name: {v: value for v, value in environment.items() if v.startswith("OTEL_")}
        for name, service in services.items()
        if (environment := service.get("environment", {}))
    }
    expected = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "1.0",
    }
    assert {name: otel for name, otel in given.items() if otel} == {
        "api": expected,
        "worker": expected,
    }


def test_no_service_waits_for_what_only_observes_it(services: dict[str, Service]) -> None:
    observers = {"prometheus", "grafana", "jaeger", "postgres-exporter", "nats-exporter"}
    for name in services.keys() - observers:
        assert observers.isdisjoint(services[name].get("depends_on", {}))


def test_the_workers_probe_asks_for_its_readiness(services: dict[str, Service]) -> None:
    worker = services["worker"]
    port = worker["environment"]["WAYBILL_WORKER_HTTP_PORT"]
    assert f"'http://127.0.0.1:{port}/readyz'" in worker["healthcheck"]["test"][-1]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder /app of the image, with the files that .dockerignore allows."""
    return copy_of_the_image(tmp_path_factory.mktemp("image"))


def run_in(image: Path, *arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, *arguments],
        cwd=image,
        env={"PYTHONPATH": f"{image}:{image / 'graphql'}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout


IMPORT_ALL = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in absent:
            raise ModuleNotFoundError(name)

absent = set(sys.argv[1].split())
sys.meta_path.insert(0, Absent())
import api.app, cli.__main__, demo.catalogue, worker
import providers.carrier_simulator.__main__, providers.payment_simulator.__main__
print(json.dumps({name: getattr(m, "__file__", None) for name, m in sys.modules.items()}))
"""


def not_locked() -> set[str]:
    """Return the modules installed here that the image's packages do not bring."""
    lock = (ROOT / "locks" / "production.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", lock, flags=re.MULTILINE))
    return {
        module
        for module, distributions in packages_distributions().items()
        if locked.isdisjoint(re.sub(r"[-_.]+", "-", name).lower() for name in distributions)
    }


def test_the_image_alone_runs_every_program_on_the_locked_packages(image: Path) -> None:
    ours = {path.name.removesuffix(".py") for path in image.iterdir()} - {"graphql"} | {"api"}
    absent = not_locked()
    assert {"pytest", "psutil"} <= absent

    loaded: dict[str, str | None] = json.loads(
        run_in(image, "-c", IMPORT_ALL, " ".join(absent - ours))
    )

    files = {name: file for name, file in loaded.items() if name.split(".")[0] in ours}
    assert {"api.app", "cli.app", "demo.catalogue", "settings", "worker"} <= files.keys()
    assert {file for file in files.values() if file and not file.startswith(str(image))} == set()


def test_the_image_holds_the_migrations_and_the_functions(image: Path) -> None:
    assert run_in(image, "-m", "alembic", "heads").endswith("(head)\n")
    in_checkout = {path.name for path in (ROOT / "eventstore" / "sql").glob("*.sql")}
    assert {path.name for path in (image / "eventstore" / "sql").iterdir()} == in_checkout


def test_the_image_runs_the_command_line_with_its_documents(image: Path) -> None:
    (script,) = re.findall(
        r"printf '(.+)' >/usr/local/bin/waybill", (ROOT / "Dockerfile").read_text()
    )
    assert script == r'#!/bin/sh\nexec python -P -m cli "$@"\n'
    assert "dead-letters" in run_in(image, "-P", "-m", "cli", "--help")
    read = "from cli.documents import document; print(document('Orders'))"
    assert "fragment OrderFields on Order" in run_in(image, "-P", "-c", read)


def test_the_image_holds_no_tests_no_data_and_no_secrets(image: Path) -> None:
    top = {path.name for path in image.iterdir()}
    assert top.isdisjoint({".env", ".git", ".waybill", "deploy", "stack", "tests"})
