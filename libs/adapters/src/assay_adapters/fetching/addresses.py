"""Which addresses may be connected to: the public internet, and what an administrator allows besides."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from assay_core.errors import Denied, Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries, October 2025, written out: `is_global` differs between Python's releases.
_CLOSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata is in it
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; the metadata of most clouds is in it
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's metadata, on an address that looks public
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
# Not even by a name that the administrator allows, since whoever answers for the name could point it there.
_NEVER_BY_NAME: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "fd00:ec2::254/128")
) + tuple(ip_network(text) for text in ("::/128", "fe80::/10", "ff00::/8"))


@dataclass(frozen=True, slots=True)
class _Name:
    host: str
    port: int | None


class AddressPolicy:
    """Decides about addresses.

    Args:
        allow: networks (`10.1.0.0/16`), addresses, and names with or without a port (`files.intern`,
            `files.intern:9000`) that are reached although they are not public.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._names: set[_Name] = set()
        for entry in allow:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        try:
            self._networks.append(ip_network(entry.strip("[]")))
            return
        except ValueError:
            host, colon, port = entry.rpartition(":")
        if not colon:
            host, port = entry, ""
        if not host or any(c in host for c in "/:@* ") or (colon and not port.isdecimal()):
            raise Invalid(
                f"{entry!r} in ASSAY_SOURCES__ALLOW_HOSTS is no network, address, name or name:port.",
                code="bad_setting",
            )
        self._names.add(_Name(host.rstrip("."), int(port) if port else None))

    def check(self, host: str, port: int, addresses: Iterable[Address]) -> None:
        """Raise `Denied` unless every one of the addresses that `host` has may be connected to."""
        named = not self._names.isdisjoint({_Name(host, None), _Name(host, port)})
        for address in addresses:
            if not self._passes(address, named=named):
                raise Denied(
                    f"{host!r} is at {address}, which is not on the public internet. An administrator may allow it:"
                    f" ASSAY_SOURCES__ALLOW_HOSTS={host}:{port} (several are separated by commas).",
                    code="host_not_allowed",
                )

    def _passes(self, address: Address, *, named: bool) -> bool:
        inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        if inner is not None:
            return self._passes(inner, named=named)
        if _within(address, self._networks):
            return True
        if named:
            return not _within(address, _NEVER_BY_NAME)
        return not _within(address, _CLOSED)


def literal(host: str) -> Address | None:
    """The address that a host is, written in the one usual way; None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
