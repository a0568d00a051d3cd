"""Barbican, OpenStack's store of secrets, beside the lab's Keystone. Owns its configuration and its catalogue entry.

Optional: a service of OpenStack in which people of a community can make something, for tests of clients. Its keys
lie in its configuration file (simple_crypto), which suits a lab and nothing else.
"""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from p3idp.errors.lab import ServerFailed
from p3idp.lab.authority import trust
from p3idp.lab.layout import CHECKOUT, Layout, write_if_changed
from p3idp.lab.own_environment import OwnEnvironment
from p3idp.lab.servers.base import Missing, Program, Server, answers

ENVIRONMENT = OwnEnvironment("barbican", "half a minute, 200 MB")
SOURCE = CHECKOUT / "deploy" / "lab" / "barbican"
_PASTE = ENVIRONMENT.home / "etc" / "barbican" / "barbican-api-paste.ini"
_CONFIG = """\
# Written by the lab.
[DEFAULT]
host_href = {url}
db_auto_create = False
[database]
connection = sqlite:///{folder}/barbican.sqlite?timeout=30
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {key}
[queue]
enable = False
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
username = admin
password = {password}
project_name = admin
user_domain_id = default
project_domain_id = default
cafile = {ca_file}
# Asked each time, so that a token which Keystone takes back ends here at once.
token_cache_time = -1
"""


class Barbican(Server):
    """The key manager, speaking TLS itself."""

    name = "barbican"

    def missing(self, layout: Layout) -> Missing | None:
        """Barbican has a virtual environment of its own."""
        installed = ENVIRONMENT.is_installed()
        return None if installed else Missing("Barbican's virtual environment", "p3idp lab up --with barbican")

    def bring(self, say: Callable[[str], None]) -> None:
        """Make the virtual environment."""
        ENVIRONMENT.install(say)

    def address(self, layout: Layout) -> str:
        """Where its catalogue entry points."""
        return layout.addresses.barbican_url

    def port(self, layout: Layout) -> int:
        """Its TLS port."""
        return layout.addresses.barbican

    def prepare(self, layout: Layout) -> None:
        """Write the configuration where Barbican looks for it, and lay down the database."""
        folder = layout.folder(self.name)
        (folder / ".barbican").mkdir(mode=0o700, exist_ok=True)
        key = layout.secret("barbican-key").rstrip("=") + "="  # 32 bytes in base64
        config = _CONFIG.format(
            url=layout.addresses.barbican_url,
            folder=folder,
            key=key.replace("-", "+").replace("_", "/"),
            keystone=layout.addresses.keystone_url,
            password=layout.secret("keystone-admin"),
            ca_file=layout.ca_file,
        )
        write_if_changed(folder / ".barbican" / "barbican.conf", config)
        if not (folder / "barbican.sqlite").exists():
            _make_database(folder)

    def program(self, layout: Layout) -> Program:
        """One process with threads, since SQLite has one writer."""
        folder = layout.state / self.name
        tls = ("--certfile", str(layout.tls_cert), "--keyfile", str(layout.tls_key))
        listen = ("--bind", f"127.0.0.1:{layout.addresses.barbican}", "--worker-class", "gthread", "--threads", "4")
        return Program(
            command=(str(ENVIRONMENT.home / "bin" / "gunicorn"), *listen, *tls, "lab_barbican:application"),
            directory=folder,
            environment={
                "HOME": str(folder),
                "PYTHONPATH": str(SOURCE),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAB_BARBICAN_PASTE": str(_PASTE),
            },
            inputs=(folder / ".barbican" / "barbican.conf", layout.tls_cert, SOURCE / "lab_barbican.py"),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it answers, and Keystone, which it asks about everybody, does too."""
        answered = answers(layout, f"{layout.addresses.barbican_url}/healthcheck")
        return answered == 200 and answers(layout, layout.addresses.keystone_url) == 200

    def join(self, layout: Layout) -> None:
        """Stand in Keystone's catalogue."""
        with httpx.Client(verify=trust(layout), trust_env=False, timeout=30) as client:
            _Catalogue(client, layout).name("key-manager", "barbican", layout.addresses.barbican_url)


SERVERS: tuple[Server, ...] = (Barbican(),)


class _Catalogue:
    """Keystone's catalogue in the administrator's hands (Identity API, /v3/services and /v3/endpoints)."""

    def __init__(self, client: httpx.Client, layout: Layout) -> None:
        self._client, self._url = client, layout.addresses.keystone_url
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": layout.secret("keystone-admin")}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        reply = self._client.post(f"{self._url}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        self._headers = {"X-Auth-Token": reply.raise_for_status().headers["X-Subject-Token"]}

    def name(self, kind: str, name: str, url: str) -> None:
        """Let this service of this type be found at this address."""
        services = self._get(f"services?type={kind}")["services"]
        service = services[0] if services else self._make("service", {"type": kind, "name": name})
        there = self._get(f"endpoints?service_id={service['id']}")["endpoints"]
        if not any(endpoint["url"] == url for endpoint in there):
            place = {"service_id": service["id"], "interface": "public", "region_id": "RegionOne", "url": url}
            self._make("endpoint", place)

    def _get(self, path: str) -> Mapping[str, list[dict[str, str]]]:
        found: Mapping[str, list[dict[str, str]]] = (
            self._client.get(f"{self._url}/{path}", headers=self._headers).raise_for_status().json()
        )
        return found

    def _make(self, kind: str, body: Mapping[str, str]) -> dict[str, str]:
        reply = self._client.post(f"{self._url}/{kind}s", json={kind: body}, headers=self._headers)
        made: dict[str, str] = reply.raise_for_status().json()[kind]
        return made


def _make_database(folder: Path) -> None:
    manage = [str(ENVIRONMENT.home / "bin" / "barbican-db-manage"), "-d", f"sqlite:///{folder}/barbican.sqlite"]
    done = subprocess.run(
        [*manage, "upgrade"], env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-10:])
        raise ServerFailed(f"barbican-db-manage failed:\n{end}", hint="The lines above are its own.")
