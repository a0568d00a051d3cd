"""From the settings to plain facts of the site. Owns the defaults that one setting gives another, and which setting is
missing for generated configuration."""

from collections.abc import Callable

from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.secret import Secret
from p3idp.core.site.model import ApacheClient, ApacheSigner, SiteFacts
from p3idp.errors.settings import SettingsInvalid
from p3idp.settings.model import Settings
from p3idp.settings.servers import ProviderSettings


def introspection_url(provider: IdentityProvider, settings: ProviderSettings) -> str:
    """Where the provider answers about tokens: as set, else where Keycloak (and so Check-in) answers."""
    return settings.introspection_url or f"{provider.issuers[0]}/protocol/openid-connect/token/introspect"


def site_facts(policy: Policy, settings: Settings) -> SiteFacts:
    """The facts, secrets read. Raises SettingsInvalid naming what is missing, SecretUnavailable."""
    site = settings.site
    missing = [name for name in ("tls_cert", "tls_key", "crypto_passphrase") if getattr(site, name) is None]
    if missing or site.crypto_passphrase is None:
        raise SettingsInvalid(
            f"The generated configuration needs [site] {', '.join(missing)} in the settings.",
            hint="Apache speaks TLS itself; the passphrase is any long random text in a file of mode 0600.",
        )
    return SiteFacts(
        keystone_url=v3_url(settings.keystone.login_url),
        listen=site.keystone_listen,
        upstream=site.keystone_upstream.rstrip("/"),
        tls_cert=str(site.tls_cert),
        tls_key=str(site.tls_key),
        dashboard_url=site.dashboard_url.rstrip("/") if site.dashboard_url else None,
        trusted_dashboards=dashboards(settings),
        callback_template=str(site.callback_template),
        install_dir=str(site.install_dir or ""),
        introspection_interval=site.introspection_interval_seconds,
        request_field_limit=site.request_field_limit,
        crypto_passphrase=site.crypto_passphrase.resolve(),
        clients=_clients(policy, settings),
        broker_url=settings.web.base_url.rstrip("/") if settings.web else None,
        auth_methods=site.keystone_auth_methods,
    )


def _clients(policy: Policy, settings: Settings) -> dict[str, ApacheClient | ApacheSigner]:
    clients: dict[str, ApacheClient | ApacheSigner] = {}
    for provider in policy.site.identity_providers:
        own = settings.providers.get(provider.id)
        if provider.by_keys:
            if own and own.jwks_url:
                ca = settings.site.provider_ca_file or own.ca_file
                clients[str(provider.id)] = ApacheSigner(own.jwks_url, str(ca) if ca else None)
            continue
        if own is None or own.keystone_client_id is None or own.keystone_client_secret is None:
            continue
        ca = settings.site.provider_ca_file or own.ca_file
        clients[str(provider.id)] = ApacheClient(
            client_id=own.keystone_client_id,
            client_secret=own.keystone_client_secret.resolve(),
            introspection_url=introspection_url(provider, own),
            ca=str(ca) if ca else None,
        )
    return clients


def dashboards(settings: Settings) -> tuple[str, ...]:
    """The exact addresses that a browser's token may be posted to, Horizon's first."""
    own = (f"{settings.site.dashboard_url.rstrip('/')}/auth/websso/",) if settings.site.dashboard_url else ()
    return tuple(dict.fromkeys(own + settings.site.trusted_dashboards))


def clients_at(own: ProviderSettings) -> tuple[tuple[str, Callable[[], Secret[str]]], ...]:
    """Our confidential clients at a provider, p3idp's and Apache's, each with the way to its secret."""
    clients = []
    if own.client_id and own.client_secret:
        clients.append((own.client_id, own.client_secret.resolve))
    if own.keystone_client_id and own.keystone_client_secret:
        clients.append((own.keystone_client_id, own.keystone_client_secret.resolve))
    return tuple(clients)


def generated_files(settings: Settings, is_there: Callable[[str], bool]) -> tuple[str | None, tuple[str, ...]]:
    """The files of Apache and Keystone where they should lie: in install_dir, else beside the callback template."""
    root = settings.site.install_dir or settings.site.callback_template.parent
    apache, keystone = (str(root / name) for name in ("apache.conf", "keystone.conf"))
    return (apache if is_there(apache) else None), ((keystone,) if is_there(keystone) else ())
