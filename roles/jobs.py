"""Find the work of a role."""

from __future__ import annotations

from roles.job import Job
from roles.role import Role


def job_of(role: Role) -> Job:
    """Import the role's own module: a worker loads only what its roles use."""
    match role:
        case Role.SAGAS:
            from roles.sagas import JOB  # noqa: PLC0415 - see above
        case Role.RELAY:
            from roles.relay import JOB  # noqa: PLC0415
        case Role.HEAD:
            from roles.head import JOB  # noqa: PLC0415
        case Role.PROJECTIONS:
            from roles.projections import JOB  # noqa: PLC0415
        case Role.NOTIFICATIONS:
            from roles.notifications import JOB  # noqa: PLC0415
    return JOB
