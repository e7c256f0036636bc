"""Choose the user for PostgreSQL, which refuses root and a user without an account."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from functools import cache
from pathlib import Path

from stack.errors import StackError
from stack.tools import postgres_program


@cache
def as_ordinary_user() -> tuple[str, ...]:
    """Return the prefix for PostgreSQL's commands, which is empty for a user with an account.

    Raises StackError if no prefix works.
    """
    if os.geteuid() and _has_account(os.geteuid()):
        return ()
    for prefix in (_mapped(), _changed()):
        if shutil.which(prefix[0]) and _works((*prefix, postgres_program("postgres"), "-V")):
            return prefix
    raise StackError("PostgreSQL cannot run as this user: start the stack as an ordinary user")


def give_to_its_user(data: Path) -> None:
    """Give the data to the user of `as_ordinary_user`, which may differ from the last start's."""
    if os.geteuid():
        return
    owner = _nobody().pw_uid if as_ordinary_user() == _changed() else 0
    if data.stat().st_uid != owner:
        for path in (data, *data.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)


def _mapped() -> tuple[str, ...]:
    """Return a prefix that keeps the user outside, and shows PostgreSQL the user `nobody`."""
    nobody = _nobody()
    return ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")


def _changed() -> tuple[str, ...]:
    """Return a prefix for systems without user namespaces, such as most containers.

    The capability lets PostgreSQL enter the folders above the data, which only root may enter.
    """
    nobody = _nobody()
    return (
        *("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
    )


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _has_account(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _works(command: tuple[str, ...]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
