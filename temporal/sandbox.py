"""Configure the sandbox that protects workflows from nondeterministic code."""

from __future__ import annotations

from typing import Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

from temporal.leaving import RecentRuns

PASSED_THROUGH: Final = (
    "activities",
    "domain",
    "observability",
    "pydantic",
    "pydantic_core",
    "workflows",
)
"""Our pure modules and pydantic. To reload them for each workflow run would cost a fifth of the
throughput and add no determinism."""


def sandbox(*passed_through: str) -> Sandbox:
    """`passed_through` names further modules without side effects."""
    return Sandbox(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, *passed_through)
    )


class Sandbox(SandboxedWorkflowRunner):
    """Runs workflows, and remembers which ones it has begun last."""

    def __init__(self, restrictions: SandboxRestrictions) -> None:
        super().__init__(restrictions)
        self.recent = RecentRuns()

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        self.recent.add(det.info.workflow_id, det.info.run_id)
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    """A workflow in the sandbox whose payloads do not depend on a serialization context.

    The SDK enters the sandbox three times for each payload, to ask which activity or workflow it is
    for. That takes a tenth of a worker's time, and neither the converters nor the codec use it.
    """

    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:
        del command_info
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        del command_info
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
