"""Every name that the pages and the deployment files use exists in the code.

A test of `make check-metrics` does the same for the names of metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import yaml

from roles.role import Role
from settings import Settings
from settings_sources import OF_COMPOSE
from stack.processes import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
DEPLOYMENT = [
    *(ROOT / "docker-compose.yml", ROOT / "Dockerfile", ROOT / ".env.example"),
    *(path for path in sorted(ROOT.glob("deploy/**/*")) if path.is_file()),
]
FILES = [*PAGES, *DEPLOYMENT]

PREFIXES = {"WAYBILL_RETIRED_", "OTEL_BSP_"}
"""A page may write the beginning of several names, followed by a star."""
OF_THE_COMMAND_LINE = {"WAYBILL_URL", "WAYBILL_TOKEN"}
OF_OPENTELEMETRY = {
    *("OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS"),
    *("OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
    *("OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_LOG_LEVEL"),
    *("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE"),
    *("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    *("OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    *("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT"),
    *("OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    *(
        f"OTEL_EXPORTER_OTLP_{signal}{name}"
        for signal in ("", "TRACES_")
        for name in (
            *("ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION", "INSECURE"),
            *("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"),
        )
    ),
}
"""The standard variables for traces: https://opentelemetry.io/docs/specs/otel/configuration/."""
OF_OTHER_SERVERS = {
    *(1025, 8025),  # Mailpit: SMTP, its page
    3000,  # Grafana
    *(4222, 8222, 7777),  # NATS, its monitoring, the exporter of its metrics
    *(4317, 4318, 13133, 16686),  # OTLP over gRPC and over HTTP, Jaeger's health and page
    *(5432, 9187),  # PostgreSQL, the exporter of its metrics
    *(7233, 8080),  # Temporal, its Web UI
    *(9090, 9092, 9093),  # Prometheus, Kafka, its controller
}
"""The ports that these servers have unless they are told otherwise."""
OF_OUR_CONTAINERS = {8000, 8001, 9000}
"""The API, a worker's health and metrics, those of the API on Kubernetes."""


def found(pattern: str, files: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield each match with the file that it is in."""
    for file in files:
        for match in re.findall(pattern, file.read_text(), re.MULTILINE):
            yield match, str(file.relative_to(ROOT))


def settings() -> set[str]:
    return {f"WAYBILL_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_that_is_named_exists() -> None:
    known = settings() | OF_COMPOSE | OF_THE_COMMAND_LINE | PREFIXES
    named = list(found(r"\bWAYBILL_[A-Z0-9_]+\b", FILES))
    assert len(named) > 200
    assert [use for use in named if use[0] not in known] == []


def test_every_setting_is_explained_by_a_page_or_the_example() -> None:
    explained = {
        name for name, _ in found(r"\bWAYBILL_[A-Z0-9_]+\b", [*PAGES, ROOT / ".env.example"])
    }
    assert settings() - explained == set()


def test_every_variable_of_opentelemetry_is_a_standard_one() -> None:
    named = list(found(r"\bOTEL_[A-Z0-9_]+\b", FILES))
    assert {name for name, _ in named} >= {"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert [use for use in named if use[0] not in OF_OPENTELEMETRY | PREFIXES] == []


def test_every_make_target_that_is_named_exists() -> None:
    rules = re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    named = list(found(r"(?:`|^|\$ |& )make ([a-z][a-z-]*)", PAGES))
    assert len(named) > 30
    assert [use for use in named if use[0] not in targets] == []


def test_every_program_that_is_named_exists() -> None:
    modules = list(found(r"python3? -m ([\w.]*\w)", FILES))
    modules += found(r"python, -m, ([\w.]*\w)", DEPLOYMENT)
    assert len(modules) > 20
    assert [use for use in modules if find_spec(use[0]) is None] == []
    scripts = list(found(r"python[3,]? ((?:\w+/)*\w+\.py)\b", FILES))
    assert scripts
    assert [use for use in scripts if not (ROOT / use[0]).is_file()] == []


def test_every_role_that_is_named_exists() -> None:
    named = list(found(r'--roles[ ,]+"?([a-z][a-z,]*)', FILES))
    assert len(named) >= 4
    assert [use for use in named if not set(use[0].split(",")) <= set(Role)] == []


def test_every_deployment_file_that_a_page_names_exists() -> None:
    named = list(found(r"\bdeploy/[\w./-]*\w", PAGES))
    assert named
    assert [use for use in named if not (ROOT / use[0]).exists()] == []


def test_every_port_that_is_named_is_one_of_a_server() -> None:
    ours = {
        field.default for name, field in Settings.model_fields.items() if name.endswith("_port")
    }
    known = ours | OF_OTHER_SERVERS | OF_OUR_CONTAINERS
    named = list(found(r"(?:[a-z][\w.-]*|127\.0\.0\.1|0\.0\.0\.0):(\d{4,5})\b(?!:\d)", FILES))
    named += found(r"(?:[pP]ort|PORT)[:=]? \"?(\d{4,5})\b", FILES)
    assert len(named) > 40
    assert [use for use in named if int(use[0]) not in known] == []


def services() -> dict[str, dict[str, object]]:
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, dict[str, object]] = content["services"]
    return found


def test_every_service_that_a_command_names_exists() -> None:
    named = list(found(r"docker compose run --rm ([\w-]+)", FILES))
    named += found(r"--scale ([\w-]+)=", FILES)
    assert named
    assert [use for use in named if use[0] not in services()] == []


PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yml"
GRAFANA = ROOT / "deploy" / "grafana"


def test_every_folder_that_a_service_mounts_exists() -> None:
    mounted = [
        volume.split(":")[0]
        for service in services().values()
        for volume in service.get("volumes") or ()  # type: ignore[attr-defined]
        if volume.startswith("./")
    ]
    assert len(mounted) >= 5
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_prometheus_scrapes_services_of_the_compose_file() -> None:
    scraped: set[str] = set()
    for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]:
        scraped |= {name for sd in job.get("dns_sd_configs", ()) for name in sd["names"]}
        for static in job.get("static_configs", ()):
            scraped |= {target.partition(":")[0] for target in static["targets"]}
    assert {"api", "worker"} <= scraped
    assert scraped - services().keys() - {"localhost"} == set()


def test_grafana_finds_its_dashboards_where_they_are_mounted() -> None:
    mounts = [volume.split(":") for volume in services()["grafana"]["volumes"]]  # type: ignore[attr-defined]
    folders = {mount[1] for mount in mounts}
    providers = sorted(GRAFANA.glob("provisioning/dashboards/*.y*ml"))
    assert providers
    for file in providers:
        for provider in yaml.safe_load(file.read_text())["providers"]:
            path = Path(provider["options"]["path"])
            assert {str(path), *map(str, path.parents)} & folders
