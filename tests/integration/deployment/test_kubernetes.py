"""Check what `kubectl apply -k deploy/kubernetes/overlays/production` would create.

`deploy/check` validates each document against the schemas of Kubernetes. These tests compare them
with the settings, the roles, the ports and the stop times of the processes.
"""

from __future__ import annotations

import argparse
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from api.app import REQUIRED
from api.server import SHUTDOWN_TIMEOUT_SECONDS
from roles.role import Role
from settings import DatabaseRole, Settings
from settings_checks import check
from stack.environment import SECRETS
from stack.processes import ROOT
from temporal.versions import DEPLOYMENT
from tests.integration.deployment.manifests import (
    KUBERNETES,
    PRODUCTION,
    Document,
    app_of,
    container,
    environment,
    of_kind,
    pods,
    rendered,
    secret_keys,
    secrets_example,
)
from worker import STOP_WITHIN, check_settings, parse_roles

WORKERS = ("waybill-sagas", "waybill-background")
PROCESSES = ("waybill-api", *WORKERS)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return rendered()


@pytest.fixture(scope="module")
def templates(documents: list[Document]) -> dict[str, Document]:
    return pods(documents)


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    """A value for each secret that the processes read."""
    made = {name: make() for name, make in SECRETS.items() if "VAPID" not in name}  # no web push
    made["WAYBILL_PAYMENT_API_KEY"] = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    urls = {f"WAYBILL_{role.setting.upper()}" for role in DatabaseRole}
    return made | dict.fromkeys(urls, "postgresql://user:password@db.example/waybill")


def settings_of(values: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WAYBILL_{name.upper()}", raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


def roles_of(pod: Document) -> list[Role]:
    python, program, option, roles = container(pod)["command"]
    assert (python, program, option) == ("python", "worker.py", "--roles")
    try:
        return parse_roles(roles)
    except argparse.ArgumentTypeError as error:
        raise AssertionError(error) from None


def test_it_runs_the_api_the_workers_the_migrations_and_no_simulator(
    templates: dict[str, Document],
) -> None:
    assert templates.keys() == {*PROCESSES, "waybill-migrate"}
    commands = {app: container(pod)["command"] for app, pod in templates.items()}
    assert commands["waybill-api"][:3] == ["python", "-m", "api"]
    assert commands["waybill-migrate"] == ["alembic", "upgrade", "head"]


def test_the_workers_share_all_roles_and_none_twice(templates: dict[str, Document]) -> None:
    roles = [role for app in WORKERS for role in roles_of(templates[app])]
    assert sorted(roles) == sorted(Role)
    assert roles_of(templates["waybill-sagas"]) == [Role.SAGAS]


def test_every_variable_is_a_setting(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    for pod in templates.values():
        given = {n.removeprefix("WAYBILL_").lower() for n in environment(pod, documents, {})}
        ours = {name for name in given if not name.startswith("otel_")}
        assert ours - Settings.model_fields.keys() == set()


def test_the_api_has_all_it_requires_and_is_in_production(
    documents: list[Document],
    templates: dict[str, Document],
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = environment(templates["waybill-api"], documents, secrets)
    settings = settings_of(given, monkeypatch)
    assert settings.is_strict
    check(settings, *REQUIRED, "api_database_url", "temporal_address", "nats_url")


@pytest.mark.parametrize("app", WORKERS)
def test_a_worker_has_all_that_its_roles_require(
    documents: list[Document],
    templates: dict[str, Document],
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    app: str,
) -> None:
    mail = {"WAYBILL_SMTP_URL": "smtps://user:password@mail.example"}
    given = environment(templates[app], documents, secrets | mail)
    settings = settings_of(given, monkeypatch)
    assert settings.is_strict
    check_settings(settings, roles_of(templates[app]))


def test_each_process_has_the_secrets_it_needs_and_no_other(
    templates: dict[str, Document],
) -> None:
    given = {
        app: {name.removeprefix("WAYBILL_") for name, _, _ in secret_keys(pod)}
        for app, pod in templates.items()
    }
    assert given["waybill-migrate"] == {"MIGRATION_DATABASE_URL"}
    assert given["waybill-api"] == {
        *("API_DATABASE_URL", "JWT_SECRET", "PAYLOAD_KEY", "RETIRED_PAYLOAD_KEYS", "MASTER_KEY"),
        *("RETIRED_MASTER_KEYS", "SEARCH_KEY", "PAYMENT_WEBHOOK_SECRET", "CARRIER_API_KEY"),
        *("CARRIER_WEBHOOK_SECRET", "VAPID_PRIVATE_KEY", "TEMPORAL_API_KEY"),
    }
    assert given["waybill-sagas"] == {
        *("DATABASE_URL", "PAYLOAD_KEY", "RETIRED_PAYLOAD_KEYS", "MASTER_KEY"),
        *("RETIRED_MASTER_KEYS", "PAYMENT_API_KEY", "CARRIER_API_KEY", "TEMPORAL_API_KEY"),
    }
    assert given["waybill-background"] == {
        *("DATABASE_URL", "PROJECTIONS_DATABASE_URL", "MASTER_KEY", "RETIRED_MASTER_KEYS"),
        *("SEARCH_KEY", "SMTP_URL", "OPERATOR_WEBHOOK_URL", "OPERATOR_WEBHOOK_SECRET"),
        "VAPID_PRIVATE_KEY",
    }


def test_a_secret_is_referred_to_and_never_written(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    assert of_kind(documents, "Secret") == {}
    used: dict[str, set[str]] = {}
    for pod in templates.values():
        for _, secret, key in secret_keys(pod):
            used.setdefault(secret, set()).add(key)
    assert used == secrets_example()

    secret_settings = {
        f"WAYBILL_{n.upper()}" for n, f in Settings.model_fields.items() if "Secret" in str(f)
    }
    (settings,) = of_kind(documents, "ConfigMap").values()
    assert secret_settings.isdisjoint(settings["data"])
    plain = {v["name"] for pod in templates.values() for v in container(pod)["env"] if "value" in v}
    assert secret_settings.isdisjoint(plain)


def test_every_pod_is_confined(documents: list[Document], templates: dict[str, Document]) -> None:
    (namespace,) = of_kind(documents, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in templates.values():
        assert pod["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container(pod)["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    assert "--uid 10001 " in (ROOT / "Dockerfile").read_text()


def test_every_pod_requests_what_it_was_measured_to_need(templates: dict[str, Document]) -> None:
    for pod in templates.values():
        resources = container(pod)["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        assert resources["limits"].keys() == {"memory"}  # a limit of the processor only delays


def test_the_probes_ask_the_port_that_the_process_serves(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    for app in PROCESSES:
        of = container(templates[app])
        given = environment(templates[app], documents, {})
        setting = "WAYBILL_MONITORING_PORT" if app == "waybill-api" else "WAYBILL_WORKER_HTTP_PORT"
        ports = {port["name"]: port["containerPort"] for port in of["ports"]}
        assert str(ports["monitoring"]) == given[setting]
        assert given["WAYBILL_MONITORING_HOST"] == "0.0.0.0"  # noqa: S104 - the kubelet asks
        asked = {
            name: (of[name]["httpGet"]["path"], of[name]["httpGet"]["port"])
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert asked == {
            "startupProbe": ("/healthz", "monitoring"),
            "livenessProbe": ("/healthz", "monitoring"),
            "readinessProbe": ("/readyz", "monitoring"),
        }


def test_the_api_serves_until_it_gets_no_more_requests(templates: dict[str, Document]) -> None:
    spec = templates["waybill-api"]["spec"]
    waits = container(templates["waybill-api"])["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits == 5
    assert spec["terminationGracePeriodSeconds"] > waits + SHUTDOWN_TIMEOUT_SECONDS


@pytest.mark.parametrize("app", WORKERS)
def test_a_worker_has_more_time_to_stop_than_it_takes(
    templates: dict[str, Document], app: str
) -> None:
    grace = timedelta(seconds=templates[app]["spec"]["terminationGracePeriodSeconds"])
    assert grace > 2 * STOP_WITHIN
    assert "lifecycle" not in container(templates[app])


def test_one_pod_of_each_process_at_most_is_evicted_at_a_time(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    budgets = [budget["spec"] for budget in of_kind(documents, "PodDisruptionBudget").values()]
    for app in PROCESSES:
        labels = templates[app]["metadata"]["labels"].items()
        (budget,) = [b for b in budgets if b["selector"]["matchLabels"].items() <= labels]
        assert budget["maxUnavailable"] == 1
        topology = templates[app]["spec"]["topologySpreadConstraints"]
        assert [of["topologyKey"] for of in topology] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        for of in topology:
            assert of["labelSelector"]["matchLabels"].items() <= labels


def test_no_deployment_fixes_the_number_that_an_autoscaler_sets(documents: list[Document]) -> None:
    deployments = {app_of(d): d["spec"] for d in of_kind(documents, "Deployment").values()}
    assert {app: spec.get("replicas") for app, spec in deployments.items()} == {
        "waybill-api": None,
        "waybill-background": 2,
        "waybill-sagas": None,
    }


def allowed(policy: Document) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_nothing_is_reached_but_what_a_process_needs(documents: list[Document]) -> None:
    policies = of_kind(documents, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert {name: allowed(policies[name]) for name in policies.keys() - {"deny-all"}} == {
        "names": {53},
        "api": {5432, 7233, 4222, 9092, 4317, 4318, 443},
        "sagas": {5432, 7233, 4317, 4318, 443},
        "background": {5432, 4222, 9092, 4317, 4318, 443, 465, 587},
        "migrate": {5432},
    }
    entered = {
        name: {port["port"] for rule in policy["spec"].get("ingress", ()) for port in rule["ports"]}
        for name, policy in policies.items()
    }
    assert {name: ports for name, ports in entered.items() if ports} == {
        "api": {8000, 9000},
        "sagas": {8001},
        "background": {8001},
    }


def test_every_pod_has_a_policy_that_selects_it(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    selectors = [
        policy["spec"]["podSelector"]["matchLabels"].items()
        for policy in of_kind(documents, "NetworkPolicy").values()
        if policy["spec"]["podSelector"]
    ]
    for pod in templates.values():
        assert len([of for of in selectors if of <= pod["metadata"]["labels"].items()]) == 1


def test_the_internet_is_reached_without_the_private_networks(documents: list[Document]) -> None:
    blocks = [
        to["ipBlock"]
        for policy in of_kind(documents, "NetworkPolicy").values()
        for rule in policy["spec"].get("egress", ())
        for to in rule["to"]
        if "ipBlock" in to and to["ipBlock"]["cidr"] in {"0.0.0.0/0", "::/0"}
    ]
    assert blocks
    for block in blocks:
        private = "169.254.0.0/16" if block["cidr"] == "0.0.0.0/0" else "fc00::/7"
        assert private in block["except"]


def test_the_service_and_the_ingress_lead_to_the_api(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    (service,), (ingress,) = (of_kind(documents, k).values() for k in ("Service", "Ingress"))
    api = templates["waybill-api"]
    assert service["spec"]["selector"].items() <= api["metadata"]["labels"].items()
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert {port["name"] for port in container(api)["ports"]} == {"http", "monitoring"}
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "waybill-api", "port": {"name": "http"}}
    assert ingress["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": "waybill-tls"}]


def test_the_build_is_the_same_everywhere_and_names_what_belongs_to_it(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    build = templates["waybill-sagas"]["metadata"]["labels"]["app.kubernetes.io/version"]
    name = f"waybill-sagas-{build.replace('.', '-')}"
    deployment = of_kind(documents, "Deployment")[name]
    assert deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/version"] == build
    assert f"waybill-migrate-{build.replace('.', '-')}" in of_kind(documents, "Job")
    assert name in of_kind(documents, "PodDisruptionBudget")
    images = {container(pod)["image"] for pod in templates.values()}
    assert images == {f"images.example.com/waybill:{build}"}
    given = environment(templates["waybill-sagas"], documents, {})
    assert given["WAYBILL_WORKER_BUILD_ID"] == build


def test_the_workers_are_scaled_by_the_backlog_of_their_own_build(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    (scaled,) = of_kind(documents, "ScaledObject").values()
    given = environment(templates["waybill-sagas"], documents, {})
    (trigger,) = scaled["spec"]["triggers"]

    assert scaled["spec"]["scaleTargetRef"]["name"] in of_kind(documents, "Deployment")
    assert trigger["type"] == "temporal"
    assert trigger["metadata"] == {
        "endpoint": given["WAYBILL_TEMPORAL_ADDRESS"],
        "namespace": given["WAYBILL_TEMPORAL_NAMESPACE"],
        "taskQueue": given["WAYBILL_TASK_QUEUE"],
        "queueTypes": "workflow,activity",
        "targetQueueSize": "20",
        "workerDeploymentName": DEPLOYMENT,
        "workerDeploymentBuildId": given["WAYBILL_WORKER_BUILD_ID"],
    }
    assert scaled["spec"]["minReplicaCount"] >= 2


def test_the_monitor_scrapes_every_process(
    documents: list[Document], templates: dict[str, Document]
) -> None:
    (monitor,) = of_kind(documents, "PodMonitor").values()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    for app in PROCESSES:
        assert selected <= templates[app]["metadata"]["labels"].items()
        ports = {port["name"] for port in container(templates[app])["ports"]}
        assert endpoint["port"] in ports


def test_the_page_shows_a_patch_that_mounts_a_certificate(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "DEPLOYMENT.md").read_text()
    (patch,) = re.findall(r"^```\n(patches:.*?)^```", page, re.MULTILINE | re.DOTALL)
    copy = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, copy)
    overlay = copy / PRODUCTION.relative_to(KUBERNETES)
    with (overlay / "kustomization.yaml").open("a") as kustomization:
        kustomization.write(patch)

    patched = pods(rendered(overlay))

    mounted = {
        app: {mount["mountPath"] for mount in container(pod)["volumeMounts"]}
        for app, pod in patched.items()
    }
    assert {app for app, paths in mounted.items() if "/temporal" in paths} == {
        *("waybill-api", "waybill-sagas")
    }


def test_another_build_renders_beside_this_one(documents: list[Document]) -> None:
    """The names of two builds differ, so that applying the new one leaves the old one running."""
    overlay = yaml.safe_load((PRODUCTION / "release" / "kustomization.yaml").read_text())
    suffix = overlay["nameSuffix"]
    by_build = {
        (document["kind"], document["metadata"]["name"])
        for document in documents
        if "app.kubernetes.io/version" in document["metadata"].get("labels", {})
    }
    assert {kind for kind, _ in by_build} == {
        *("Deployment", "Job", "PodDisruptionBudget", "ScaledObject")
    }
    assert all(name.endswith(suffix) for _, name in by_build)
