"""Horizon under uWSGI, and the Apache in front of it that speaks TLS. Owns how the lab runs them; both are optional.

The sign-in settings are those of `p3idp site config`; what else a Horizon needs is deploy/lab/horizon.
"""

import os
from collections.abc import Callable
from pathlib import Path

from p3idp.lab import horizon_parts as parts
from p3idp.lab.layout import CHECKOUT, Layout, write_if_changed
from p3idp.lab.servers.apache import INSTALL, MODULES, binary
from p3idp.lab.servers.base import Missing, Program, Server, answers

SETTINGS = CHECKOUT / "deploy" / "lab" / "horizon"
_LOADED = ("mpm_event", "authz_core", "socache_shmcb", "ssl", "proxy", "proxy_uwsgi")


class Horizon(Server):
    """OpenStack's dashboard, on a socket that only its Apache reaches."""

    name = "horizon"
    patience_seconds = 120

    def missing(self, layout: Layout) -> Missing | None:
        """Horizon has a virtual environment of its own."""
        return None if parts.is_installed() else Missing("Horizon's virtual environment", "p3idp lab up --with horizon")

    def bring(self, say: Callable[[str], None]) -> None:
        """Make the virtual environment."""
        parts.install(say)

    def address(self, layout: Layout) -> str:
        """Its socket, which speaks the uwsgi protocol."""
        return str(_socket(layout))

    def prepare(self, layout: Layout) -> None:
        """Make the folders, and the static files once for every version."""
        sessions = layout.folder(self.name) / "sessions"
        sessions.mkdir(mode=0o700, exist_ok=True)
        parts.collect_static(_environment(layout))

    def program(self, layout: Layout) -> Program:
        """One worker with threads: its cache of the session's data is its own memory."""
        command = [
            *(str(parts.VENV / "bin" / "uwsgi"), "--master", "--die-on-term", "--need-app", "--lazy-apps"),
            *("--module", "openstack_dashboard.wsgi:application", "--virtualenv", str(parts.VENV)),
            *("--processes", "1", "--enable-threads", "--threads", "4", "--buffer-size", "65535"),
            *("--static-map", f"/static={parts.static_root()}", "--mimefile", "/etc/mime.types"),
            *("--uwsgi-socket", str(_socket(layout)), "--chmod-socket=660", "--disable-logging"),
        ]
        if os.getuid() == 0:
            command.append("--chown-socket=root:www-data")
        return Program(
            command=tuple(command),
            directory=layout.state / self.name,
            environment=_environment(layout),
            inputs=(SETTINGS / "local" / "local_settings.py", layout.site / "horizon_local_settings.py"),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it shows its sign-in page through its Apache."""
        return answers(layout, f"{layout.addresses.horizon_url}/auth/login/") == 200


class HorizonFront(Server):
    """The Apache in front of Horizon: TLS and nothing else. (uWSGI as installed from its wheel speaks no TLS.)"""

    name = "dashboard"

    def missing(self, layout: Layout) -> Missing | None:
        """Apache comes from Debian; without Horizon it has nothing to stand in front of."""
        return Horizon().missing(layout) if binary() else Missing("Apache", INSTALL)

    def address(self, layout: Layout) -> str:
        """The dashboard, as a browser asks for it."""
        return layout.addresses.horizon_url

    def port(self, layout: Layout) -> int:
        """The dashboard's TLS port."""
        return layout.addresses.horizon

    def prepare(self, layout: Layout) -> None:
        """Write the whole configuration."""
        lines = [
            "# Written by the lab.",
            "ServerRoot /usr/lib/apache2",
            f"ServerName https://localhost:{layout.addresses.horizon}",
            f"DefaultRuntimeDir {layout.run}",
            f"PidFile {layout.run / 'dashboard.pid'}",
            *(["User www-data", "Group www-data"] if os.getuid() == 0 else []),
            *(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _LOADED),
            "ErrorLog /dev/stderr",
            "LogLevel warn",
            f"Listen 127.0.0.1:{layout.addresses.horizon}",
            "SSLEngine on",
            f"SSLCertificateFile {layout.tls_cert}",
            f"SSLCertificateKeyFile {layout.tls_key}",
            f"ProxyPass / unix:{_socket(layout)}|uwsgi://horizon/",
        ]
        write_if_changed(layout.folder(self.name) / "apache2.conf", "\n".join(lines) + "\n")

    def program(self, layout: Layout) -> Program:
        """Apache in the foreground."""
        config = layout.state / self.name / "apache2.conf"
        return Program(
            command=(str(binary()), "-D", "FOREGROUND", "-f", str(config)),
            directory=layout.state / self.name,
            inputs=(config, layout.tls_cert),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it answers at all; 503 while Horizon loads is an answer."""
        return answers(layout, layout.addresses.horizon_url) is not None


SERVERS: tuple[Server, ...] = (Horizon(), HorizonFront())


def _environment(layout: Layout) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "openstack_dashboard.settings",
        "PYTHONPATH": f"{SETTINGS}:{layout.site}",
        "PYTHONDONTWRITEBYTECODE": "1",  # both directories hold sources, not what Python makes of them
        "LAB_HORIZON_STATE": str(layout.state / Horizon.name),
        "LAB_HORIZON_STATIC": str(parts.static_root()),
        "LAB_HORIZON_SECRET_KEY": str(layout.secret_file("horizon-django")),
        "LAB_HORIZON_CA": str(layout.ca_file),
    }


def _socket(layout: Layout) -> Path:
    return layout.run / "horizon.sock"
