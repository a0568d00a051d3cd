"""The servers of the lab, one file each. This list is all there is to joining in."""

from p3idp.lab.servers.apache import Apache
from p3idp.lab.servers.base import Server
from p3idp.lab.servers.broker import Broker
from p3idp.lab.servers.checkin import Checkin, Hub
from p3idp.lab.servers.keystone import Keystone

SERVERS: tuple[Server, ...] = (Checkin(), Hub(), Keystone(), Apache(), Broker())
