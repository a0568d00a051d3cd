"""Follow one person's access token: what p3idp believes, what the policy gives, what Keystone gives. Owns the steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy
from p3idp.core.site.findings import Finding, fail, ok, skipped, warn
from p3idp.errors import P3idpError
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.keystone import FederatedLogin


@dataclass(frozen=True, slots=True)
class TokenLinks:
    """The two that judge a token; opened when there is one."""

    verifier: Callable[[], AccessTokenVerifier]
    keystone: Callable[[], FederatedLogin]


def examine_token(policy: Policy, links: TokenLinks, token: RawToken | None, now: datetime) -> Iterator[Finding]:
    """Step by step, ending where a step fails. Neither token nor subject is shown."""
    if token is None:
        yield skipped("token-login", "a person's sign-in", "No token given: --token-file FILE.")
        return
    try:
        claims = links.verifier().verify_access_token(token, now)
    except P3idpError as error:
        yield fail("token-verified", "the token", error.detail)
        return
    minutes = (claims.expires_at - now).total_seconds() / 60
    yield ok(
        "token-verified", "the token", f"From {claims.issuer}, for client {claims.client}, {minutes:.0f} min left."
    )
    decision = decide(policy, claims, now)
    wanted = {access.project: set(access.roles) for access in decision.access}
    if wanted:
        yield ok("token-policy", "the person", "The policy gives " + ", ".join(sorted(map(str, wanted))) + ".")
    else:
        # The reason itself may show values of the person's claims; `p3idp why` is for that.
        why = decision.refusal.reason if decision.refusal else f"{len(claims.entitlements)} entitlements came along"
        yield warn("token-policy", "the person", f"The policy gives nothing ({why}); `p3idp why` says more.")
    yield from _login(policy, links, claims, token, {str(project) for project in wanted})


def _login(
    policy: Policy, links: TokenLinks, claims: VerifiedClaims, token: RawToken, wanted: set[str]
) -> Iterator[Finding]:
    keystone = links.keystone()
    try:
        unscoped = keystone.login(policy.site.provider(claims.provider), token)
        held = {str(project.ref) for project in keystone.projects(unscoped)}
    except P3idpError as error:
        expected = not wanted
        judge = warn if expected else fail
        yield judge("token-login", "the person", error.detail)
        return
    yield ok("token-login", "the person", "Keystone lets the person in.")
    if held == wanted:
        yield ok("token-projects", "the person", "Keystone gives the projects that the policy gives.")
        return
    parts = [f"lacks {', '.join(sorted(wanted - held))}"] * bool(wanted - held)
    parts += [f"also gives {', '.join(sorted(held - wanted))}"] * bool(held - wanted)
    # Grants made by hand are nobody's fault; what is missing is.
    judge = fail if wanted - held else warn
    yield judge("token-projects", "the person", f"Keystone {'; '.join(parts)}.")
