import socket
import threading
from ipaddress import ip_address

import pytest
from assay_adapters.fetching import urls
from assay_adapters.fetching.addresses import Address, AddressPolicy
from assay_adapters.fetching.connections import Deadline, Guard
from assay_adapters.fetching.fetcher import Fetcher
from assay_core.errors import Denied, Exhausted, Invalid, Unavailable
from assay_testing.hostile_urls import HOSTILE_NAMES, hostile_urls

PUBLIC = "93.184.216.34"


class Resolver:
    """A name server of our own; names that end in localhost are this machine, as usual. Counts what it is asked."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        del port
        self.asked.append(host)
        if host.startswith(("localhost", "ip6-localhost")):
            return [ip_address("127.0.0.1"), ip_address("::1")]
        if host not in self.names:
            raise socket.gaierror(f"{host} is not known")
        return [ip_address(address) for address in self.names[host]]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every address that someone wants to connect to."""
    found: list[tuple[str, int]] = []

    def refuse(_: socket.socket, address: tuple[str, int]) -> None:
        found.append(address)
        raise ConnectionRefusedError("no connections here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return found


def test_there_are_enough_of_them() -> None:
    assert len(hostile_urls()) >= 200


@pytest.mark.parametrize("url", hostile_urls())
def test_hostile_urls_connect_to_nothing(url: str, dialled: list[tuple[str, int]]) -> None:
    names = HOSTILE_NAMES | {"example.com": [PUBLIC]}
    with (
        pytest.raises((Invalid, Denied, Unavailable)),
        Fetcher(Guard(AddressPolicy(), resolve=Resolver(names))).open(url),
    ):
        pass
    assert all(address[0] == PUBLIC for address in dialled), dialled


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://example.com/", (PUBLIC, 80)),
        ("https://EXAMPLE.com.:8443/x", (PUBLIC, 8443)),
        ("http://93.184.216.34:8080/", (PUBLIC, 8080)),
        ("http://[2606:2800:220:1::1]/", ("2606:2800:220:1::1", 80)),
        ("http://bücher.example/", (PUBLIC, 80)),
    ],
)
def test_public_ones_are_connected_to_the_address_that_was_checked(
    url: str, address: tuple[str, int], dialled: list[tuple[str, int]]
) -> None:
    resolve = Resolver({"example.com": [PUBLIC], "xn--bcher-kva.example": [PUBLIC]})
    with pytest.raises(Unavailable), Fetcher(Guard(AddressPolicy(), resolve=resolve)).open(url):
        pass
    assert [found[:2] for found in dialled] == [address]
    assert len(resolve.asked) <= 1


@pytest.mark.parametrize(
    ("allow", "host", "address", "passes"),
    [
        ("10.0.0.0/8", "a.intern", "10.1.2.3", True),
        ("10.0.0.0/8", "a.intern", "192.168.0.1", False),
        ("10.0.0.0/8", "a.intern", "::ffff:10.1.2.3", True),
        ("files.intern", "files.intern", "10.1.2.3", True),
        ("files.intern", "files.intern", "127.0.0.1", True),
        ("files.intern", "files.intern", "fd00::5", True),
        ("files.intern", "files.intern", "169.254.169.254", False),
        ("files.intern", "files.intern", "fd00:ec2::254", False),
        ("files.intern", "files.intern", "::ffff:169.254.169.254", False),
        ("files.intern", "files.intern", "::", False),
        ("files.intern", "x.files.intern", "10.1.2.3", False),
        ("files.intern:9000", "files.intern", "10.1.2.3", True),
        ("files.intern:9001", "files.intern", "10.1.2.3", False),
        ("Files.Intern.", "files.intern", "10.1.2.3", True),
        ("169.254.169.254", "m", "169.254.169.254", True),
        ("[fd00::1]", "m", "fd00::1", True),
    ],
)
def test_an_administrator_allows_by_network_or_name(allow: str, host: str, address: str, passes: bool) -> None:
    policy = AddressPolicy([allow])
    if passes:
        policy.check(host, 9000, [ip_address(address)])
        return
    with pytest.raises(Denied) as raised:
        policy.check(host, 9000, [ip_address(address)])
    assert "ASSAY_SOURCES__ALLOW_HOSTS" in raised.value.message


@pytest.mark.parametrize(
    "entry", ["http://files.intern", "files.intern:x", "*", "*.intern", "a b", "10.0.0.0/33", "a/b"]
)
def test_an_entry_that_allows_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(Invalid) as raised:
        AddressPolicy([entry])
    assert entry in raised.value.message


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("https://a.example/x/y", "../z?q=1#f", "https://a.example/z?q=1"),
        ("https://a.example/x", "//b.example", "https://b.example/"),
        ("https://a.example:444/x", "/ä b".replace(" ", "%20"), "https://a.example:444/%C3%A4%20b"),
        ("http://[2001:db9::1]:81/x", "y", "http://[2001:db9::1]:81/y"),
        ("http://a.example:80/", "HTTP://A.example:080/x", "http://a.example/x"),
    ],
)
def test_references_are_joined(base: str, reference: str, expected: str) -> None:
    assert str(urls.join(urls.parse(base), reference)) == expected


def test_a_name_server_that_never_answers_costs_the_time_limit_only() -> None:
    def silent(host: str, port: int) -> list[Address]:
        del host, port
        threading.Event().wait(30)
        return []

    with pytest.raises(Exhausted):
        Guard(AddressPolicy(), resolve=silent).connect("a.example", 80, Deadline(0.05, what="This"))
