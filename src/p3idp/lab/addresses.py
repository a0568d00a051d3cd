"""Where the servers of a lab listen. Owns the ports, their defaults, free ones, and the URLs that follow from them."""

import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from zlib import crc32

HOST = "127.0.0.1"
# Below the range that the kernel hands out to outgoing connections, so that a port found free stays free.
_FIRST_FREE, _SPAN = 20_000, 12_000


@dataclass(frozen=True, slots=True)
class Addresses:
    """One port a server; all of them on loopback, all of them spoken to as ``localhost`` over TLS."""

    checkin: int = 19443
    hub: int = 19444
    keystone: int = 15000
    broker: int = 18443
    horizon: int = 18080
    alt_1: int = 15100
    barbican: int = 19311

    @property
    def issuer(self) -> str:
        """The issuer of the Check-in stand-in."""
        return f"https://localhost:{self.checkin}/auth/realms/egi"

    @property
    def hub_issuer(self) -> str:
        """The issuer of the second provider."""
        return f"https://localhost:{self.hub}/auth/realms/hub"

    @property
    def keystone_url(self) -> str:
        """Keystone behind its Apache."""
        return f"https://localhost:{self.keystone}/v3"

    @property
    def alt_1_url(self) -> str:
        """The second cloud's Keystone, behind an Apache of its own."""
        return f"https://localhost:{self.alt_1}/v3"

    @property
    def barbican_url(self) -> str:
        """The store of secrets."""
        return f"https://localhost:{self.barbican}"

    @property
    def broker_url(self) -> str:
        """The web service of p3idp."""
        return f"https://localhost:{self.broker}"

    @property
    def horizon_url(self) -> str:
        """The dashboard."""
        return f"https://localhost:{self.horizon}"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections still linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_addresses(seed: str) -> Addresses:
    """Addresses on free ports; labs with different ``seed`` search in different places and do not race."""
    ports = _free_ports(crc32(seed.encode()) % _SPAN)
    return Addresses(*(next(ports) for _ in asdict(Addresses())))


def _free_ports(start: int) -> Iterator[int]:
    for step in count():
        port = _FIRST_FREE + (start + step) % _SPAN
        if is_free(port):
            yield port


def load_addresses(file: Path) -> Addresses | None:
    """The addresses kept in a lab's state; None for a new lab. A server that came later gets its default port."""
    try:
        return Addresses(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def save_addresses(addresses: Addresses, file: Path) -> None:
    """Keep the addresses: a lab that starts again listens where it did."""
    file.write_text(json.dumps(asdict(addresses), indent=2) + "\n", encoding="utf-8")
