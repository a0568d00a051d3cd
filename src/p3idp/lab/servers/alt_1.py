"""A second cloud beside the first: the same Keystone and Apache once more. Owns what these two have of their own.

The settings file clouds.toml names both as environments: this one is alt-1, the lab's usual Keystone production.
"""

from pathlib import Path

from p3idp.lab.layout import Layout
from p3idp.lab.servers.apache import Apache
from p3idp.lab.servers.base import Server
from p3idp.lab.servers.keystone import Keystone
from p3idp.settings import load_settings
from p3idp.wiring import wire_site_config


class AltKeystone(Keystone):
    """The second cloud's Keystone."""

    name = "keystone-alt-1"

    def url(self, layout: Layout) -> str:
        """The second cloud's address."""
        return layout.addresses.alt_1_url

    def site(self, layout: Layout) -> Path:
        """What is generated for the second cloud."""
        return layout.alt_1_site

    def prepare(self, layout: Layout) -> None:
        """Generate this cloud's configuration, and lay down a Keystone."""
        wire_site_config(load_settings(str(layout.clouds), "alt-1")).write(layout.alt_1_site)
        super().prepare(layout)


class AltApache(Apache):
    """The only way to it."""

    name = "apache-alt-1"

    def url(self, layout: Layout) -> str:
        """The second cloud's address."""
        return layout.addresses.alt_1_url

    def port(self, layout: Layout) -> int:
        """The port of that address."""
        return layout.addresses.alt_1

    def site(self, layout: Layout) -> Path:
        """What is generated for the second cloud."""
        return layout.alt_1_site


SERVERS: tuple[Server, ...] = (AltKeystone(), AltApache())
