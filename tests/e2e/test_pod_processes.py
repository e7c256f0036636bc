"""Run the command of each pod of deploy/kubernetes as the kubelet would, without a cluster.

The root is read-only and the user is the image's, as in `test_container_processes.py`. The probes
and the time to stop are those of the manifests.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kit.eventually import eventually
from kit.local_http import local_client
from stack.environment import SECRETS
from stack.ports import Ports
from stack.system import System
from tests.e2e.processes import Process
from tests.integration.deployment.compose import copy_of_the_image
from tests.integration.deployment.manifests import (
    Document,
    container,
    environment,
    pods,
    rendered,
)
from tests.support.guarded import guarded
from tests.support.sandbox import Sandbox, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no read-only root here: {why_not()}")

APPS = ("waybill-api", "waybill-sagas", "waybill-background")
READY_SECONDS = 60
ENDED = (0, -signal.SIGTERM)
STAGING = {
    "WAYBILL_ALLOW_TEST_PROVIDERS": "true",  # the tests' providers are simulators
    "WAYBILL_OPERATOR_EMAIL": "",  # and their mail server has no TLS
    "WAYBILL_VAPID_SUBJECT": "mailto:operators@waybill.example",  # the system has the key
}


@dataclass
class Pod:
    template: Document
    documents: list[Document]
    sandbox: Sandbox
    system: System
    ports: dict[int, int]

    @property
    def environment(self) -> dict[str, str]:
        given = environment(self.template, self.documents, {})
        ours = {
            name: value
            for name, value in self.system.environment.items()
            if (name in given and (name in SECRETS or name.endswith(("_URL", "_ADDRESS"))))
            or name == "WAYBILL_PAYMENT_URL"
        }
        moved = {
            name: str(self.ports[int(value)])
            for name, value in given.items()
            if name.endswith("_PORT")
        }
        without_mail = {"WAYBILL_SMTP_URL": ""} if "WAYBILL_SMTP_URL" in given else {}
        return self.sandbox.environment({**given, **ours, **moved, **without_mail, **STAGING})

    @property
    def command(self) -> tuple[str, ...]:
        words = container(self.template)["command"]
        moved = [str(self.ports.get(int(w), w)) if w.isdecimal() else w for w in words]
        mounts = [mount["mountPath"] for mount in container(self.template)["volumeMounts"]]
        return self.sandbox.command(moved, writable=mounts)

    async def answers(self, client: httpx.AsyncClient, probe: str) -> bool:
        """Return whether the probe succeeds, as the kubelet decides."""
        asked = container(self.template)[probe]["httpGet"]
        named = {port["name"]: port["containerPort"] for port in container(self.template)["ports"]}
        port = self.ports[named[asked["port"]]]
        try:
            answer = await client.get(f"http://127.0.0.1:{port}{asked['path']}")
        except httpx.TransportError:
            return False
        return answer.is_success


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return rendered()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("pod")
    return Sandbox.made_in(folder, copy_of_the_image(folder))


@pytest.fixture
def pod(
    request: pytest.FixtureRequest, documents: list[Document], sandbox: Sandbox, system: System
) -> Pod:
    ports = {8000: Ports.one_more(), 8001: Ports.one_more(), 9000: Ports.one_more()}
    return Pod(pods(documents)[request.param], documents, sandbox, system, ports)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with local_client(timeout=5) as opened:
        yield opened


@pytest.mark.parametrize("pod", APPS, indirect=True)
async def test_a_pod_becomes_ready_and_ends_within_its_grace_period(
    pod: Pod, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        guarded(pod.command, environment=pod.environment, output=output) as started,
    ):
        process = Process(started, log)

        async def is_ready() -> bool:
            assert process.runs, process.log
            return await pod.answers(client, "readinessProbe")

        await eventually(is_ready, READY_SECONDS, every=0.5)
        assert await pod.answers(client, "livenessProbe")
        assert await pod.answers(client, "startupProbe")
        code, seconds = await process.stops(signal.SIGTERM)

    assert code in ENDED, process.log
    assert seconds < pod.template["spec"]["terminationGracePeriodSeconds"]
    assert "Read-only file system" not in process.log
