"""The servers of the lab, one file each. These two lists are all there is to joining in."""

from collections.abc import Mapping

from p3idp.lab.servers import alt_1, barbican, horizon
from p3idp.lab.servers.apache import Apache
from p3idp.lab.servers.base import Server
from p3idp.lab.servers.broker import Broker
from p3idp.lab.servers.checkin import Checkin, Hub
from p3idp.lab.servers.keystone import Keystone

SERVERS: tuple[Server, ...] = (Checkin(), Hub(), Keystone(), Apache(), Broker())
# Started only when asked for by this name, because they are large: `p3idp lab up --with horizon`.
OPTIONAL: Mapping[str, tuple[Server, ...]] = {
    "alt-1": alt_1.SERVERS,
    "barbican": barbican.SERVERS,
    "horizon": horizon.SERVERS,
}

__all__ = ["OPTIONAL", "SERVERS", "Server"]
