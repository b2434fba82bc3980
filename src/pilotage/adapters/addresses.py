"""Which addresses a configuration may send to: public ones, private ones where it says so; never a cloud's secrets.

From IANA's registries of special-purpose addresses (https://www.iana.org/assignments/iana-ipv4-special-registry and
iana-ipv6-special-registry, RFC 6890) and of IPv6 unicast space, which delegates 2000::/3 alone. Python's own
`is_global` takes what NAT64, 6to4 and IPv4-compatible addresses lead to for public.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_SPECIAL = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by a provider's customers (RFC 6598)
        "127.0.0.0/8",  # this machine (RFC 1122)
        "169.254.0.0/16",  # this link (RFC 3927)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, broadcast (RFC 1112, RFC 919)
    )
)  # fmt: skip
_UNICAST = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments (RFC 2928), Teredo among them (RFC 4380)
        "2001:db8::/32", "3fff::/20",  # documentation (RFC 3849, RFC 9637)
        "2002::/16",  # 6to4: leads to an IPv4 address, and is out of use (RFC 7526)
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address. 64:ff9b:1::/48 (RFC 8215) is for local use and never public."""

_METADATA = tuple(
    IPv4Network(network)
    for network in (
        "169.254.0.0/16",  # 169.254.169.254: AWS, GCP, Azure, Oracle, IBM, DigitalOcean, OpenStack; .0.23: Tencent
        "168.63.129.16/32",  # Azure's wire server
        "100.100.100.200/32",  # Alibaba
        "192.0.0.192/32",  # Oracle, before 169.254.169.254
    )
)
_METADATA_6 = tuple(
    IPv6Network(network)
    for network in (
        "fd00:ec2::/32",  # AWS: ::254 metadata, ::253 name server, ::123 clock
        "fd20:ce::254/128",  # GCP
        "fe80::/10",  # this link: OpenStack's fe80::a9fe:a9fe
    )
)


def is_public(address: str) -> bool:
    """Whether everyone reaches the same machine there."""
    found = _reached(address)
    if isinstance(found, IPv4Address):
        return not _within(found, _SPECIAL) and not is_metadata(address)
    return found in _UNICAST and not any(found in network for network in _SPECIAL_6)


def is_metadata(address: str) -> bool:
    """Whether a cloud may tell its machines' secrets there."""
    found = _reached(address)
    if isinstance(found, IPv4Address):
        return _within(found, _METADATA)
    embedded = [IPv4Address(int(found) & 0xFFFFFFFF)] if found in _LEADING else []
    embedded += [found.sixtofour] if found.sixtofour else []
    return any(found in network for network in _METADATA_6) or any(_within(one, _METADATA) for one in embedded)


_LEADING = IPv6Network("::/96")
"""IPv4-compatible (RFC 4291, 2.5.5.1)."""


def _reached(address: str) -> IPv4Address | IPv6Address:
    """Where a packet to the address ends. Raises ValueError for what is no address."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    if isinstance(found, IPv6Address) and found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def _within(address: IPv4Address, networks: tuple[IPv4Network, ...]) -> bool:
    return any(address in network for network in networks)
