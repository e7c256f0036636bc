from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import astuple, replace

import pytest

from settings import Settings
from stack import ports as stack_ports
from stack.errors import PortForbiddenError, PortSharedError, PortTakenError
from stack.ports import LOOPBACK, Ports


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_taken_port_is_named_with_its_setting_and_its_holder(taken_port: int) -> None:
    ports = replace(Ports.free(), nats_port=taken_port)
    with pytest.raises(PortTakenError) as caught:
        ports.require_free()
    assert (caught.value.setting, caught.value.port) == ("WAYBILL_NATS_PORT", taken_port)
    assert f"(process {os.getpid()})" in str(caught.value)


def test_two_settings_on_one_port_are_both_named() -> None:
    free = Ports.free()
    ports = replace(free, nats_monitor_port=free.http_port)
    with pytest.raises(PortSharedError) as caught:
        ports.require_free()
    assert str(caught.value) == (
        f"WAYBILL_HTTP_PORT and WAYBILL_NATS_MONITOR_PORT are both {free.http_port}: "
        "use two different ports"
    )


def test_a_port_that_only_root_may_take_is_named_with_its_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tests may run as root, whom the system refuses no port.
    faults = {80: errno.EACCES}
    monkeypatch.setattr(stack_ports, "_bind_fault", faults.get)
    with pytest.raises(PortForbiddenError) as caught:
        replace(Ports.of(Settings(_env_file=None)), http_port=80).require_free()
    assert str(caught.value) == (
        "an ordinary user may not listen on port 80: set WAYBILL_HTTP_PORT to a port from 1024"
    )


def test_free_ports_are_all_different_and_pass_their_own_check() -> None:
    ports = Ports.free()
    assert len(set(astuple(ports))) == 10
    ports.require_free()


def test_a_port_is_handed_out_once() -> None:
    handed_out = [port for _ in range(100) for port in astuple(Ports.free())]
    assert len(set(handed_out)) == 1000


def test_the_ports_are_those_of_the_settings() -> None:
    ports = Ports.of(Settings(http_port=9000, _env_file=None))
    assert ports.as_environment()["WAYBILL_HTTP_PORT"] == "9000"
