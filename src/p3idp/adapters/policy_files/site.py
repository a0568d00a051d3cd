"""The site file's sections to core values. Owns what providers must mean to one another."""

from collections.abc import Iterator

from p3idp.adapters.policy_files.mistakes import Mistakes
from p3idp.adapters.policy_files.nodes import Path
from p3idp.adapters.policy_files.schema import ProviderSection, SiteFile
from p3idp.core.policy.model import Approvers, ClaimNames, IdentityProvider, PolicyId, ProviderId, Site, Suspension


def convert_site(section: SiteFile, mistakes: Mistakes) -> Site:
    """The site as a value; what makes no sense is added to ``mistakes``."""
    providers = tuple(_provider(name, provider) for name, provider in section.identity_providers.items())
    for path, message in (each for item in section.identity_providers.items() for each in _odd_provider(*item)):
        mistakes.add(path, message)
    if providers and providers[0].by_keys:
        here: Path = ("identity_providers", providers[0].id)
        mistakes.add(here, "nobody signs in at a provider that is `verified_by: keys`; name one where people do first")
    for path, message in _shared_issuers(providers):
        mistakes.add(path, message)
    return Site(
        id=PolicyId(section.policy),
        title=section.title,
        domain=section.domain,
        contact=section.contact,
        identity_providers=providers,
        protected_projects=tuple(section.protected_projects),
        approvers=_approvers(section, mistakes),
    )


def _odd_provider(name: str, section: ProviderSection) -> Iterator[tuple[Path, str]]:
    """What a provider must have, and what means nothing for it."""
    here: Path = ("identity_providers", name)
    if section.verified_by != "keys":
        if section.scopes is None:
            yield (*here, "scopes"), "`scopes` is missing"
        elif "openid" not in section.scopes:
            yield (*here, "scopes"), "`scopes` must hold openid, or there is no sign-in (OIDC Core 3.1.2.1)"
        return
    if not section.audiences:
        yield (*here, "audiences"), "`audiences` is missing: a token that anybody may have got proves nothing here"
    for key in ("issuing_clients", "scopes"):
        if getattr(section, key):
            yield (*here, key), f"`{key}` means nothing for a provider that is `verified_by: keys`"
    for key in section.claims.model_fields_set - {"subject"}:
        told = (
            f"`{key}` means nothing here: a token `verified_by: keys` says who comes, and no more; name it in `people`"
        )
        yield (*here, "claims", key), told


def _approvers(section: SiteFile, mistakes: Mistakes) -> Approvers | None:
    """Who decides together with somebody else. What could never be two people is a mistake."""
    given, here = section.approvers, "approvers"
    if given is None:
        return None
    if given.identity_provider not in section.identity_providers:
        mistakes.add((here, "identity_provider"), f"there is no identity provider `{given.identity_provider}` here")
    elif section.identity_providers[given.identity_provider].verified_by == "keys":
        told = "nobody signs in there (`verified_by: keys`), so nobody there approves of anything"
        mistakes.add((here, "identity_provider"), told)
    if len(set(given.subjects)) < len(given.subjects):
        mistakes.add((here, "subjects"), "somebody stands here twice, and is one person all the same")
    if len(set(given.subjects)) < 2 and not given.entitlements:
        mistakes.add((here,), "two people are needed: name two `subjects`, or `entitlements` that two people hold")
    return Approvers(
        provider=ProviderId(given.identity_provider),
        subjects=tuple(given.subjects),
        entitlements=tuple(given.entitlements),
        issuing_clients=tuple(given.issuing_clients),
    )


def _provider(name: str, section: ProviderSection) -> IdentityProvider:
    by_keys = section.verified_by == "keys"
    return IdentityProvider(
        id=ProviderId(name),
        title=section.title,
        issuers=tuple(section.issuers),
        protocol=section.protocol,
        claims=ClaimNames(
            subject=section.claims.subject,
            # Whoever signs such tokens decides about jobs, and not about who belongs to which community.
            entitlements=() if by_keys else tuple(section.claims.entitlements),
            assurance=section.claims.assurance,
        ),
        scopes=tuple(section.scopes or ()),
        authorization_ttl=section.authorization_ttl,
        issuing_clients=tuple(section.issuing_clients),
        audiences=tuple(section.audiences),
        keystone_url=section.keystone_url,
        suspended=Suspension(stopped.since, stopped.reason) if (stopped := section.suspended) else None,
        by_keys=by_keys,
    )


def _shared_issuers(providers: tuple[IdentityProvider, ...]) -> Iterator[tuple[Path, str]]:
    """Two providers with one issuer would make two people of one (Keystone refuses it as well)."""
    owner: dict[str, str] = {}
    for provider in providers:
        for index, issuer in enumerate(provider.issuers):
            first = owner.setdefault(issuer, provider.id)
            if first != provider.id or issuer in provider.issuers[:index]:
                path: Path = ("identity_providers", provider.id, "issuers", index)
                yield path, f"the issuer {issuer} belongs to `{first}` already; an issuer has one provider"
