"""From policy and the site's facts to what the generated files say. Owns which provider gets which door, and refuses
every value that could mean something else in one of the files."""

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.size import MOST_SENT, sent
from p3idp.core.policy.examples import without_validity
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.site.model import ApacheClient, ApacheSigner, SiteDescription, SiteFacts, VirtualHost
from p3idp.core.site.values import a_path, a_url, an_id, for_apache, for_ini, for_python, secret_for_apache
from p3idp.core.site.versions import OLDEST_KNOWN, ModuleVersion, understands
from p3idp.errors.site import ConfigurationRefused

# Claims that Keystone may be shown beside those the policy names; a request must not bring any of them.
_USUAL_CLAIMS = (
    "acr", "amr", "aud", "auth_time", "azp", "client_id", "email", "email_verified", "exp", "family_name",
    "given_name", "iat", "iss", "jti", "name", "preferred_username", "scope", "sub", "username", "voperson_id",
)  # fmt: skip


_PLAIN = re.compile(r"[A-Za-z0-9:/._~-]+")


def describe(policy: Policy, facts: SiteFacts, module: ModuleVersion) -> SiteDescription:
    """Say what the files will say. Raises ConfigurationRefused, naming the value that has no place in them."""
    if module < OLDEST_KNOWN:
        raise ConfigurationRefused(
            f"mod_auth_openidc {module} is older than {OLDEST_KNOWN}, the oldest release p3idp knows.",
            hint="Upgrade the module, or name another version with --module-version.",
        )
    _check_facts(facts)
    served = served_providers(policy)
    hosts: list[VirtualHost] = []
    for provider in served:
        hosts.append(_host(provider, facts, {host.listen for host in hosts}))
    _refuse_shared_addresses(hosts)
    names = {n for host in hosts for n in _claims_of(host.provider)}
    return SiteDescription(
        facts=facts,
        hosts=tuple(hosts),
        unserved=tuple(p for p in policy.site.identity_providers if p not in served),
        claim_names=tuple(sorted(names | set(_USUAL_CLAIMS))),
        module=module,
        can=understands(module),
        request_body_limit=_request_body_limit(policy),
    )


def _request_body_limit(policy: Policy) -> int | None:
    """Twice the largest mapping that the policy will ever make as it stands, as a power of two."""
    whole, whenever = without_validity(policy), datetime(2000, 1, 1, tzinfo=UTC)
    needed = 2 * max(sent(compile_mapping(whole, each, whenever).rules) for each in policy.site.identity_providers)
    return None if needed <= MOST_SENT else 1 << (needed - 1).bit_length()


def served_providers(policy: Policy) -> list[IdentityProvider]:
    """Those that Apache has a virtual host for: the first, and those with a Keystone address of their own."""
    return [p for n, p in enumerate(policy.site.identity_providers) if n == 0 or p.keystone_url]


def _claims_of(provider: IdentityProvider) -> tuple[str, ...]:
    names = (provider.claims.subject, provider.claims.assurance, *provider.claims.entitlements)
    return tuple(an_id(name, f"the claim name {name!r} of {provider.id}") for name in names)


def _host(provider: IdentityProvider, facts: SiteFacts, taken: set[str]) -> VirtualHost:
    what = f"identity provider {provider.id}"
    an_id(provider.id, what)
    an_id(provider.protocol, f"the protocol of {what}")
    client = _client(provider, facts, what)
    if client.ca:
        a_path(client.ca, f"the CA file of {what}")
    for name in (*provider.issuing_clients, *provider.audiences):
        for_ini(
            for_apache(name, f"an issuing client or audience of {what}"), f"an issuing client or audience of {what}"
        )
    for scope in provider.scopes:
        for_ini(for_apache(scope, f"a scope of {what}"), f"a scope of {what}")
    for_python(provider.title, f"the title of {what}")
    return _place(provider, client, facts, taken)


def _client(provider: IdentityProvider, facts: SiteFacts, what: str) -> ApacheClient | ApacheSigner:
    """How Apache verifies the provider's tokens, checked."""
    client = facts.clients.get(provider.id)
    if isinstance(client, ApacheSigner) and provider.by_keys:
        a_url(client.jwks_url, f"the address of the keys of {what}")
        for name in provider.audiences:  # they go into a pattern
            if not _PLAIN.fullmatch(name):
                raise ConfigurationRefused(f"The audience {name!r} of {what} has characters that a URL has not.")
        return client
    if isinstance(client, ApacheClient) and not provider.by_keys:
        for_apache(client.client_id, f"the client id for {what}")
        secret_for_apache(client.client_secret.reveal(), f"the client secret for {what}")
        a_url(client.introspection_url, f"the introspection address of {what}")
        return client
    if provider.by_keys:
        raise ConfigurationRefused(
            f"The settings do not say where {provider.id} publishes its keys.",
            hint=f"Set jwks_url in [providers.{provider.id}]; {provider.issuers[0]}/.well-known/openid-configuration "
            "says it as jwks_uri.",
        )
    raise ConfigurationRefused(
        f"The settings do not say which client Keystone's Apache is at {provider.id}.",
        hint=f"Set keystone_client_id and keystone_client_secret in [providers.{provider.id}].",
    )


def _place(
    provider: IdentityProvider, client: ApacheClient | ApacheSigner, facts: SiteFacts, taken: set[str]
) -> VirtualHost:
    url = provider.keystone_url or facts.keystone_url
    parts = urlsplit(a_url(url, f"the Keystone address of {provider.id}"))
    prefix = parts.path.rstrip("/").removesuffix("/v3").rstrip("/")
    listen = facts.listen
    if taken and parts.port != urlsplit(facts.keystone_url).port:
        listen = f"{facts.listen.rpartition(':')[0]}:{parts.port or 443}"
    issuer = a_url(provider.issuers[0], f"the issuer of {provider.id}")
    return VirtualHost(
        provider=provider,
        client=client,
        listen=listen,
        # Debian's ports.conf already listens on 443.
        opens_port=listen not in taken and not listen.endswith(":443"),
        server_name=f"{parts.scheme}://{parts.netloc}",
        prefix=prefix,
        redirect_uri=f"{parts.scheme}://{parts.netloc}{prefix}/v3/redirect_uri",
        metadata_url=f"{issuer}/.well-known/openid-configuration",
        token_login=bool(provider.issuing_clients or provider.audiences),
    )


def _refuse_shared_addresses(hosts: list[VirtualHost]) -> None:
    """Two providers at one address would share one introspection endpoint, and be mistaken for one another."""
    seen: dict[str, str] = {}
    for host in hosts:
        other = seen.setdefault(host.server_name, host.provider.id)
        if other != host.provider.id:
            raise ConfigurationRefused(
                f"Identity providers {other} and {host.provider.id} share the Keystone address {host.server_name}.",
                hint="Give the second provider a keystone_url with a host name or port of its own.",
            )


def _check_facts(facts: SiteFacts) -> None:
    a_url(facts.keystone_url, "Keystone's public address")
    secret_for_apache(facts.crypto_passphrase.reveal(), "the crypto passphrase")
    a_path(facts.tls_cert, "[site] tls_cert")
    a_path(facts.tls_key, "[site] tls_key")
    a_path(facts.callback_template, "[site] callback_template")
    a_path(facts.install_dir, "the directory of the generated files")
    _check_upstream(facts.upstream)
    host, _, port = facts.listen.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536 or not for_apache(for_ini(host, "listen"), "listen"):
        raise ConfigurationRefused(f"[site] keystone_listen {facts.listen} is not an address and a port.")
    for url in facts.trusted_dashboards:
        _check_dashboard(url)


def _check_upstream(upstream: str) -> None:
    socket, bar, rest = upstream.rpartition("|")
    a_url(rest, "[site] keystone_upstream", schemes=("uwsgi",))
    if bar:
        a_path(socket.removeprefix("unix:"), "the socket of [site] keystone_upstream")
        if not socket.startswith("unix:"):
            raise ConfigurationRefused(f"[site] keystone_upstream {upstream} does not begin with unix: or uwsgi://.")


def _check_dashboard(url: str) -> None:
    """Plain http is for the loopback alone: a command line program listening, or the lab's Horizon."""
    loopback = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    a_url(url, f"the dashboard {url}", schemes=("https", "http") if loopback else ("https",))
    if not url.endswith("/"):
        raise ConfigurationRefused(
            f"The trusted dashboard {url} does not end in a slash; Keystone compares it to the letter.",
            hint="Horizon's address for this ends in /auth/websso/.",
        )
