"""Run a command as a container does: on a read-only root, as a user without rights.

The root holds the system's programs, the Python environment as /venv, and the image's files as
/app. Nothing else of this machine is visible there. The network is the machine's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

USER = 10001
SYSTEM = ("bin", "sbin", "lib", "lib64", "usr", "etc")

_ENTER = r"""
set -eu
root=$1; writable=$2; user=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in $writable; do
    mount -t tmpfs -o "uid=$user,gid=$user,mode=0700" tmpfs "$root$folder"
done
while [ "$1" != -- ]; do
    mkdir -p "$root$2" # the checkout may lie in a folder that may be written, such as /tmp
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
    shift 2
done
shift
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- sh -c 'cd /app; exec "$@"' sh "$@"
"""


@cache
def why_not() -> str:
    """Return why this machine runs no sandbox; empty if it does."""
    for program in ("unshare", "setpriv", "chroot"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "only root may mount a read-only root"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "--make-rprivate", "/"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() if tried.returncode else ""


@dataclass(frozen=True)
class Sandbox:
    root: Path
    app: Path

    @classmethod
    def made_in(cls, folder: Path, app: Path) -> Sandbox:
        """Make the folders on which the parts of the root are mounted."""
        root = folder / "root"
        for name in ("dev", "proc", "tmp", "data"):
            (root / name).mkdir(parents=True)
        for name in SYSTEM:
            if (system := Path("/", name)).is_symlink():
                (root / name).symlink_to(system.readlink())
        made = cls(root, app)
        for _, target in made._mounts():
            (root / target.relative_to("/")).mkdir(parents=True, exist_ok=True)
        return made

    def command(self, command: Sequence[str], *, writable: Sequence[str]) -> tuple[str, ...]:
        """Return what runs the command in the sandbox, where these folders may be written."""
        mounts = [str(path) for pair in self._mounts() for path in pair]
        return (
            *("unshare", "--mount", "sh", "-c", _ENTER, "sh", str(self.root)),
            *(" ".join(writable), str(USER), *mounts, "--", *command),
        )

    def _mounts(self) -> list[tuple[Path, Path]]:
        environment, python = Path(sys.prefix), Path(sys.base_prefix)
        system = [Path("/", name) for name in SYSTEM]
        mounts = [(path, path) for path in system if path.is_dir() and not path.is_symlink()]
        mounts += [(self.app, Path("/app")), (environment, Path("/venv"))]
        mounts.append((environment, environment))  # scripts begin with this path
        if not python.is_relative_to("/usr"):
            mounts.append((python, python))
        return mounts

    @staticmethod
    def environment(given: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the image with those of the container."""
        return {
            "PATH": "/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": "/app:/app/graphql",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "WAYBILL_DATA_DIR": "/data",
            **given,
        }
