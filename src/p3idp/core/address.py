"""Whom a network address stands for. Owns what is counted as one."""

from ipaddress import IPv4Address, ip_address, ip_network

_HOUSEHOLD = 64  # bits of IPv6 that one subscriber is given; within them everybody picks addresses at will (RFC 6177)


def counted_as(address: str | None) -> str:
    """What requests from this address are counted under; ``unknown`` where it is no address."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), _HOUSEHOLD), strict=False))
