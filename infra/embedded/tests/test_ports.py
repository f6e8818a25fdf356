import socket
from collections.abc import Iterator

import pytest
from assay_embedded.ports import DEFAULTS, Ports


@pytest.fixture
def claims() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.close()


def _listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_a_remembered_port_is_kept_while_it_is_free(claims: Ports) -> None:
    claims.assign(["cache"], remembered={"cache": 28641})
    assert claims["cache"] == 28641


def test_a_remembered_port_that_someone_took_is_replaced(claims: Ports) -> None:
    with _listening() as server:
        taken = server.getsockname()[1]
        claims.assign(["something"], remembered={"something": taken})
    assert claims["something"] != taken


def test_every_name_gets_a_port_of_its_own(claims: Ports) -> None:
    claims.assign(["one", "two", "three"], remembered={"one": 28642, "two": 28642})
    assert len(set(claims.values())) == 3


def test_other_ports_lie_below_those_of_outgoing_connections(claims: Ports) -> None:
    claims.assign(["one", "two"], remembered={})
    assert all(10_000 < port < 32_768 for port in claims.values())


def test_two_supervisors_that_start_at_once_do_not_share_a_port(claims: Ports) -> None:
    second = Ports()
    claims.assign(["one"], remembered={"one": 28643})
    second.assign(["one"], remembered={"one": 28643})
    assert second["one"] != claims["one"]
    second.close()


def test_closing_gives_ports_back() -> None:
    first, second = Ports(), Ports()
    first.assign(["one"], remembered={"one": 28644})
    first.close()
    second.assign(["one"], remembered={"one": 28644})
    assert second["one"] == 28644
    second.close()


def test_defaults_differ() -> None:
    assert len(set(DEFAULTS.values())) == len(DEFAULTS)
