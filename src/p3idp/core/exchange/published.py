"""What a broker tells a command line that knows only its address. Owns which provider and client, and the members.

RFC 9728 section 2 names the members of a protected resource; those that begin with ``p3idp_`` and ``openstack_`` are
ours: the public client to sign in with, and where and under which names Keystone takes a federated login.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import IdentityProvider, Site

Clients = Mapping[str, str]  # by the provider's id in the policy: the client that `p3idp login` signs people in with


@dataclass(frozen=True, slots=True)
class CommandLineClient:
    """A client of the settings, and the provider at which it is registered."""

    provider: IdentityProvider
    id: str

    @property
    def is_listed(self) -> bool:
        """Whether the policy honours its tokens; a sign-in through any other would be for nothing."""
        return self.id in self.provider.issuing_clients

    @property
    def trouble(self) -> str:
        """What is wrong where it is not listed, for administrators."""
        return (
            f"The settings name {self.id} as command_line_client at {self.provider.id}, and the policy does not list "
            "it among that provider's issuing_clients: the broker tells nobody of it."
        )


def command_line_client(site: Site, clients: Clients) -> CommandLineClient | None:
    """The client of the first provider, in the policy's order, that the settings name one for."""
    return next((CommandLineClient(p, clients[p.id]) for p in site.sign_ins if clients.get(p.id)), None)


def protected_resource(site: Site, clients: Clients, base_url: str, keystone_url: str) -> Mapping[str, object]:
    """The metadata document (RFC 9728 section 2).

    ``base_url``: the broker's own address; ``keystone_url``: where people log in to Keystone, unless the provider
    has an address of its own. Without a client of the settings the first provider for people is told, and no client.
    """
    client = command_line_client(site, clients)
    provider = client.provider if client else next(iter(site.sign_ins), None)
    told: dict[str, object] = {
        "resource": base_url.rstrip("/"),
        "resource_name": site.title,
        "bearer_methods_supported": ["header"],
        "openstack_auth_url": v3_url(keystone_url),
    }
    if provider is not None:
        told |= _at(provider, keystone_url)
    if client is not None and client.is_listed:
        told["p3idp_client_id"] = client.id
    return told


def _at(provider: IdentityProvider, keystone_url: str) -> Mapping[str, object]:
    return {
        "authorization_servers": [provider.issuers[0]],
        "scopes_supported": list(provider.scopes),
        "openstack_auth_url": v3_url(provider.keystone_url or keystone_url),
        "openstack_identity_provider": str(provider.id),
        "openstack_protocol": provider.protocol,
    }
