from __future__ import annotations

import socket

import pytest

from kit.listening import CannotListen, listening, require_port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_listened_on(host: str) -> None:
    with listening("WAYBILL_HTTP_PORT", host, 0) as server:
        port = server.getsockname()[1]
        socket.create_connection((host, port), timeout=5).close()
    require_port("WAYBILL_HTTP_PORT", host, port)


def test_a_port_that_is_taken_is_refused_by_the_name_of_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CannotListen) as error:
            require_port("WAYBILL_HTTP_PORT", "127.0.0.1", port)

    assert str(error.value).startswith(
        "WAYBILL_HTTP_PORT cannot be listened on: Address already in use"
    )
