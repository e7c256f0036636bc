"""Choose the build of the workers that runs the workflows.

See docs/decisions/0008-worker-versioning.md.
"""

from __future__ import annotations

from typing import Final

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

DEPLOYMENT: Final = "waybill"


def deployment(build_id: str) -> WorkerDeploymentConfig | None:
    """Return None for a worker without a build id: it is not versioned, as in tests."""
    if not build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(DEPLOYMENT, build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
