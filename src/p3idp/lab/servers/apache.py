"""Apache with mod_auth_openidc in front of Keystone. Owns what a site has anyway; the rest is generated site config."""

import os
import shutil
from pathlib import Path

from p3idp.lab.bootstrap import debian_command
from p3idp.lab.layout import Layout, write_if_changed
from p3idp.lab.servers.base import Missing, Program, Server, answers

PACKAGES = ("apache2-bin", "libapache2-mod-auth-openidc")
INSTALL = debian_command(PACKAGES)
MODULES = Path("/usr/lib/apache2/modules")
_LOADED = (
    *("mpm_event", "authn_core", "authz_core", "authz_host", "authz_user", "alias", "mime", "env", "setenvif"),
    *("headers", "rewrite", "socache_shmcb", "ssl", "proxy", "proxy_uwsgi", "proxy_http", "auth_openidc"),
)


class Apache(Server):
    """The only way to Keystone."""

    name = "apache"

    def missing(self, layout: Layout) -> Missing | None:
        """Apache and its module come from Debian."""
        if is_installed():
            return None
        return Missing("Apache and mod_auth_openidc", INSTALL)

    def address(self, layout: Layout) -> str:
        """Keystone's public address."""
        return self.url(layout)

    def url(self, layout: Layout) -> str:
        """The Keystone that it stands in front of."""
        return layout.addresses.keystone_url

    def site(self, layout: Layout) -> Path:
        """Where the configuration was generated that it includes."""
        return layout.site

    def port(self, layout: Layout) -> int:
        """Keystone's public port."""
        return layout.addresses.keystone

    def prepare(self, layout: Layout) -> None:
        """Write the base configuration, which includes the generated one."""
        lines = [
            "# Written by the lab: what every Apache has of its own.",
            "ServerRoot /usr/lib/apache2",
            "ServerName localhost",
            f'DefaultRuntimeDir "{layout.run}"',
            f'PidFile "{layout.run / f"{self.name}.pid"}"',
            # Without these two the children of a root-started Apache die at once; without root they may not stand here.
            *(["User www-data", "Group www-data"] if os.getuid() == 0 else []),
            *(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _LOADED),
            "TypesConfig /etc/mime.types",
            "ErrorLog /dev/stderr",
            "LogLevel warn",
            f'Include "{self.site(layout) / "apache.conf"}"',
        ]
        write_if_changed(layout.folder(self.name) / "apache2.conf", "\n".join(lines) + "\n")

    def program(self, layout: Layout) -> Program:
        """Apache in the foreground, on the lab's configuration alone."""
        config = layout.state / self.name / "apache2.conf"
        return Program(
            command=(str(binary()), "-D", "FOREGROUND", "-f", str(config)),
            directory=layout.state / self.name,
            inputs=(config, layout.tls_cert, *sorted(self.site(layout).glob("apache*.conf"))),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it answers at all; 503 while Keystone loads is an answer."""
        return answers(layout, self.url(layout)) is not None


def is_installed() -> bool:
    """Whether Apache and mod_auth_openidc are here."""
    return binary() is not None and (MODULES / "mod_auth_openidc.so").exists()


def binary() -> str | None:
    """Apache's program; Debian keeps it where an ordinary PATH does not look."""
    return shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
