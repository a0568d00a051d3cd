"""What the generated files say, as values: the addresses, the virtual hosts, and who may come in by which door.

Owns the shapes that the templates see; making them from policy and settings is describe.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.core.site.versions import ModuleVersion, Understands


@dataclass(frozen=True, slots=True)
class ApacheClient:
    """Apache's client at one identity provider. ``introspection_url`` as the provider publishes it; ``ca`` is the path
    of the CA certificates that the provider is trusted by, where they are not the system's."""

    client_id: str
    client_secret: Secret[str]
    introspection_url: str
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class ApacheSigner:
    """An identity provider whose tokens Apache verifies by its published keys, at ``jwks_url``; ``ca`` as above."""

    jwks_url: str
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the settings say of the site's hosts, as plain values.

    ``keystone_url`` is the public address, with ``/v3``; ``listen`` is ``address:port`` of the first virtual host;
    ``upstream`` is ``uwsgi://host:port`` or ``unix:/path|uwsgi://name``; ``trusted_dashboards`` are the exact
    addresses that a WebSSO token may be sent to; ``install_dir`` is where the files will lie on Keystone's host;
    ``broker_url`` is where somebody whom Keystone refused reads why; ``auth_methods`` are Keystone's besides the usual.
    """

    keystone_url: str
    listen: str
    upstream: str
    tls_cert: str
    tls_key: str
    dashboard_url: str | None
    trusted_dashboards: tuple[str, ...]
    callback_template: str
    install_dir: str
    introspection_interval: int
    request_field_limit: int
    crypto_passphrase: Secret[str]
    clients: Mapping[str, ApacheClient | ApacheSigner]
    broker_url: str | None = None
    auth_methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """One virtual host of Apache: one identity provider, since the module verifies tokens in one way a host.

    ``prefix`` is the path in front of ``/v3`` (often empty); ``token_login`` says whether the bearer path is open.
    """

    provider: IdentityProvider
    client: ApacheClient | ApacheSigner
    listen: str
    opens_port: bool
    server_name: str
    prefix: str
    redirect_uri: str
    metadata_url: str
    token_login: bool

    @property
    def base(self) -> str:
        """The path of Keystone's version 3."""
        return f"{self.prefix}/v3"

    @property
    def bearer_path(self) -> str:
        """Where an access token becomes a Keystone token."""
        return (
            f"{self.base}/OS-FEDERATION/identity_providers/{self.provider.id}/protocols/{self.provider.protocol}/auth"
        )

    @property
    def websso_paths(self) -> tuple[str, ...]:
        """Where a browser signs in: by protocol alone, and by identity provider."""
        auth = f"{self.base}/auth/OS-FEDERATION"
        protocol = self.provider.protocol
        return (
            f"{auth}/websso/{protocol}",
            f"{auth}/identity_providers/{self.provider.id}/protocols/{protocol}/websso",
        )


@dataclass(frozen=True, slots=True)
class SiteDescription:
    """All that the templates may know, checked value by value. ``unserved`` are providers without a virtual host.

    ``request_body_limit``: bytes that Keystone must take in one request, None where its usual limit will do.
    """

    facts: SiteFacts
    hosts: tuple[VirtualHost, ...]
    unserved: tuple[IdentityProvider, ...]
    claim_names: tuple[str, ...]
    module: ModuleVersion
    can: Understands
    request_body_limit: int | None = None

    @property
    def protocols(self) -> tuple[str, ...]:
        """The federation protocols in use, sorted."""
        return tuple(sorted({host.provider.protocol for host in self.hosts}))

    @property
    def on_main_host(self) -> tuple[VirtualHost, ...]:
        """Those that the dashboard's own Keystone address serves."""
        main = self.facts.keystone_url.rstrip("/").removesuffix("/v3")
        return tuple(host for host in self.hosts if host.redirect_uri == f"{main}/v3/redirect_uri")

    @property
    def dashboard_origins(self) -> tuple[str, ...]:
        """Scheme and host of every trusted dashboard, for the callback page's form-action."""
        return tuple(sorted({"/".join(url.split("/", 3)[:3]) for url in self.facts.trusted_dashboards}))
