from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import astuple, replace

import pytest

from settings import Settings
from stack.errors import PortTakenError
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


def test_free_ports_are_all_different_and_pass_their_own_check() -> None:
    ports = Ports.free()
    assert len(set(astuple(ports))) == 8
    ports.require_free()


def test_the_ports_are_those_of_the_settings() -> None:
    ports = Ports.of(Settings(http_port=9000, _env_file=None))
    assert ports.as_environment()["WAYBILL_HTTP_PORT"] == "9000"
