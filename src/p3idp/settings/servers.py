"""The sections of the servers that p3idp works with: Keystone, identity providers, its own web service, Apache."""

from pathlib import Path
from typing import Self

from pydantic import Field, IPvAnyNetwork, model_validator

from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.section import Section


class KeystoneSettings(Section):
    """Keystone and p3idp's own account there.

    ``auth_url`` is the address p3idp administers through; ``public_url`` the one whose Apache takes federated
    logins (the same, where not given). Either user and password, or an application credential. ``concurrency``: how
    many writes are under way at once; more than four gain nothing. ``calls_per_second``: no more than so many; 0 sets
    no limit.
    """

    auth_url: str
    public_url: str | None = None
    ca_file: Path | None = None
    username: str | None = None
    user_domain: str = "Default"
    password: SecretRef | None = None
    project: str | None = None
    project_domain: str = "Default"
    system_scope: bool = False
    application_credential_id: str | None = None
    application_credential_secret: SecretRef | None = None
    timeout_seconds: float = Field(default=30.0, gt=0, le=300)
    concurrency: int = Field(default=2, ge=1, le=4)
    calls_per_second: float = Field(default=200.0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        by_password = self.username is not None and self.password is not None
        by_credential = self.application_credential_id is not None and self.application_credential_secret is not None
        if by_password == by_credential:
            raise ValueError("give either username and password, or application_credential_id and …_secret")
        return self

    @property
    def login_url(self) -> str:
        """Where federated logins go."""
        return self.public_url or self.auth_url


class ProviderSettings(Section):
    """p3idp's client at one identity provider (``[providers.<id>]``, the id as in the policy).

    ``client_id`` and ``client_secret`` sign people in and introspect; the ``keystone_…`` pair is the client of
    Keystone's Apache, needed only to generate its configuration. ``introspection_url``: where the provider answers
    about tokens, where that is not Keycloak's usual path below the issuer. ``command_line_client``: the public client
    that `p3idp login` signs people in with; the broker tells it to whoever asks, and its tokens are exchanged only
    where the policy lists it among the ``issuing_clients``. A provider that the policy has ``verified_by: keys`` needs
    none of these: it is not asked; ``jwks_url`` is where it publishes its keys, for Keystone's Apache alone.
    """

    client_id: str | None = None
    client_secret: SecretRef | None = None
    command_line_client: str | None = None
    ca_file: Path | None = None
    keystone_client_id: str | None = None
    keystone_client_secret: SecretRef | None = None
    introspection_url: str | None = None
    introspection_cache_seconds: int = Field(default=30, ge=0, le=60)
    jwks_url: str | None = None


class WebSettings(Section):
    """The web service. ``base_url`` alone makes the URLs p3idp shows.

    ``cookie_key`` refers to Fernet keys, one a line, newest first. ``metrics_token``: what a reader of /metrics
    presents as bearer; without it there is no such page. ``proxy_protocol_from``: addresses and networks of the proxies
    whose PROXY line is believed; everybody else's ends the connection. Such a proxy ends TLS as well, since its line
    comes before that begins.
    """

    base_url: str
    cookie_key: SecretRef
    listen: str = "127.0.0.1:8443"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    workers: int = Field(default=2, ge=1, le=64)
    session_idle_minutes: int = Field(default=60, ge=1, le=1440)
    session_max_hours: int = Field(default=8, ge=1, le=24)
    metrics_token: SecretRef | None = None
    proxy_protocol_from: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _proxy_speaks_before_tls(self) -> Self:
        if self.proxy_protocol_from and (self.tls_cert or self.tls_key):
            raise ValueError("proxy_protocol_from goes without tls_cert and tls_key: the proxy ends TLS")
        if any(network.prefixlen == 0 for network in self.proxy_protocol_from):
            raise ValueError("proxy_protocol_from must not name everybody: whoever sends the line chooses an address")
        return self


class SiteConfigSettings(Section):
    """What the generated configuration of Apache, Keystone and Horizon needs to know of the site.

    ``dashboard_url`` is Horizon's address (its WebSSO address is derived from it); ``trusted_dashboards`` are further
    addresses that a browser's token may be posted to, such as keystoneauth's http://localhost:9990/auth/websso/.
    ``keystone_listen`` is where Apache listens, ``keystone_upstream`` where it finds Keystone's WSGI server
    (``uwsgi://host:port`` or ``unix:/path|uwsgi://name``). ``tls_cert`` and ``tls_key`` are Apache's own.
    ``install_dir`` is where the files will lie on Keystone's host, ``callback_template`` where one of them will.
    ``keystone_auth_methods`` are further ``[auth] methods``: from Keystone 30 on ``ec2credential`` is needed where
    people use EC2 or S3 credentials; earlier ones do not know it.
    ``introspection_interval_seconds``: how long Apache may believe an introspection answer.
    ``request_field_limit``: bytes that one request header may have.
    """

    dashboard_url: str | None = None
    trusted_dashboards: tuple[str, ...] = ()
    keystone_listen: str = "127.0.0.1:5000"
    keystone_upstream: str = "uwsgi://127.0.0.1:5001"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    provider_ca_file: Path | None = None
    install_dir: Path | None = None
    callback_template: Path = Path("/etc/keystone/sso_callback_template.html")
    keystone_auth_methods: tuple[str, ...] = ()
    crypto_passphrase: SecretRef | None = None
    introspection_interval_seconds: int = Field(default=60, ge=1, le=3600)
    request_field_limit: int = Field(default=65535, ge=16384, le=1048576)
