"""Validate every document of deploy/kubernetes, also of kinds that Kubernetes does not know."""

from __future__ import annotations

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stack.processes import ROOT
from stack.tools import script
from tests.integration.deployment.manifests import KUBERNETES, PRODUCTION, Document, rendered

Schema = dict[str, Any]

VERSION = "1.37"
UNKNOWN = re.compile(r"Couldn't find schema for kind (\w+) with api version (\S+)")


def closed(**properties: Schema) -> Schema:
    """A schema of an object with these fields and no other, of which all are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
TEMPORAL_TRIGGER = closed(
    endpoint={"type": "string", "pattern": r"^[\w.-]+:\d+$"},
    namespace=TEXT,
    taskQueue=TEXT,
    queueTypes={"enum": ["workflow", "activity", "workflow,activity"]},
    targetQueueSize={"type": "string", "pattern": r"^[1-9]\d*$"},  # KEDA takes texts alone
    workerDeploymentName=TEXT,
    workerDeploymentBuildId=TEXT,  # never buildId, which is deprecated
)
SPECIFICATIONS = {
    ("ScaledObject", "keda.sh/v1alpha1"): closed(
        scaleTargetRef=closed(name=TEXT),
        pollingInterval=COUNT,
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        fallback=closed(failureThreshold=COUNT, replicas=COUNT),
        advanced=closed(horizontalPodAutoscalerConfig=closed(behavior={"type": "object"})),
        triggers={
            "type": "array",
            "minItems": 1,
            "items": closed(type={"const": "temporal"}, metadata=TEMPORAL_TRIGGER),
        },
    ),
    ("PodMonitor", "monitoring.coreos.com/v1"): closed(
        selector=closed(matchLabels={"type": "object", "additionalProperties": TEXT}),
        podMetricsEndpoints={
            "type": "array",
            "minItems": 1,
            "items": closed(
                port=TEXT,
                path={"const": "/metrics"},
                interval={"type": "string", "pattern": r"^\d+s$"},
            ),
        },
    ),
}
"""The kinds without a schema in Kubernetes. https://keda.sh/docs/2.21/scalers/temporal/ lists the
fields of the trigger."""


def validated(folder: Path, *documents: Document) -> subprocess.CompletedProcess[str]:
    file = folder / "documents.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return subprocess.run(  # noqa: S603 - our own file
        [
            script("kubernetes-validate", "kubernetes-validate"),
            *("--strict", "--quiet", "--kubernetes-version", VERSION, str(file)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def unknown_kinds(answer: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    return set(UNKNOWN.findall(answer.stdout + answer.stderr))


def check_fields(document: Document) -> None:
    jsonschema.validate(document["spec"], SPECIFICATIONS[document["kind"], document["apiVersion"]])


def scaled_object() -> Document:
    (found,) = [document for document in rendered() if document["kind"] == "ScaledObject"]
    return found


def test_every_document_is_valid_and_each_unknown_kind_is_listed(tmp_path: Path) -> None:
    answer = validated(tmp_path, *rendered())
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert unknown_kinds(answer) == SPECIFICATIONS.keys()


def test_a_listed_kind_is_checked_field_by_field() -> None:
    checked = [d for d in rendered() if (d["kind"], d["apiVersion"]) in SPECIFICATIONS]
    assert len(checked) == len(SPECIFICATIONS)
    for document in checked:
        assert document.keys() == {"apiVersion", "kind", "metadata", "spec"}
        check_fields(document)


def test_the_behaviour_of_the_scaling_is_valid_for_the_autoscaler(tmp_path: Path) -> None:
    configured = scaled_object()["spec"]["advanced"]["horizontalPodAutoscalerConfig"]
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "keda"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "waybill-sagas"},
            "maxReplicas": 1,
            "behavior": configured["behavior"],
        },
    }
    answer = validated(tmp_path, autoscaler)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_deprecated_or_misspelt_field_of_the_trigger_is_refused() -> None:
    for change in (
        {"buildId": "0.1.0"},
        {"workerDeploymentBuildID": "0.1.0"},
        {"targetQueueSize": 20},
        {"queueTypes": "workflows"},
    ):
        changed = copy.deepcopy(scaled_object())
        changed["spec"]["triggers"][0]["metadata"] |= change
        with pytest.raises(jsonschema.ValidationError):
            check_fields(changed)


def test_a_misspelt_field_of_a_known_kind_is_refused(tmp_path: Path) -> None:
    (job,) = [document for document in rendered() if document["kind"] == "Job"]
    job["spec"]["template"]["spec"]["containers"][0]["resource"] = {}
    assert validated(tmp_path, job).returncode == 1


def test_a_kind_that_is_not_listed_is_noticed(tmp_path: Path) -> None:
    document = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    assert unknown_kinds(validated(tmp_path, document)) == {("Widget", "example.com/v1")}


def test_every_file_is_part_of_what_is_rendered() -> None:
    """A file that no kustomization names would be validated by nothing."""
    named = {PRODUCTION / "kustomization.yaml"}
    for kustomization in KUBERNETES.rglob("kustomization.yaml"):
        content = yaml.safe_load(kustomization.read_text())
        for resource in content["resources"]:
            path = (kustomization.parent / resource).resolve()
            named.add(path / "kustomization.yaml" if path.is_dir() else path)
        for generator in content.get("configMapGenerator", ()):
            named |= {kustomization.parent / file for file in generator.get("envs", ())}
    present = {path for path in KUBERNETES.rglob("*") if path.is_file()}
    assert present - named == {KUBERNETES / "secrets.example.yaml"}


def test_the_example_of_the_secrets_is_valid(tmp_path: Path) -> None:
    documents = yaml.safe_load_all((KUBERNETES / "secrets.example.yaml").read_text())
    assert validated(tmp_path, *documents).returncode == 0
    assert ROOT / "deploy" in KUBERNETES.parents
