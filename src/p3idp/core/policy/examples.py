"""Run the examples that a policy carries: claims in, access out. Owns how example claims become typed claims."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from p3idp.core.policy.claims import GivenClaims, texts
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Community, Example, IdentityProvider, Policy, ProjectRef, Validity

# With every validity taken away, any moment will do.
_WHENEVER = datetime(2000, 1, 1, tzinfo=UTC)
Access = tuple[tuple[ProjectRef, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class FailedExample:
    """An example whose access came out otherwise."""

    community: str
    example: Example
    got: Access
    refusal: str

    @property
    def message(self) -> str:
        """What was expected and what came out, at which line."""
        file, line = self.example.place
        got = self.refusal or _told(self.got)
        return f"{file}:{line}: “{self.example.title}” expects {_told(self.example.access)}, but gets {got}"


def failed_examples(policy: Policy) -> Iterator[FailedExample]:
    """The examples of all communities that the policy itself contradicts."""
    always = without_validity(policy)
    for community in policy.communities:
        for example in community.examples:
            asked, now = (always, _WHENEVER) if example.at is None else (policy, example.at)
            decision = decide(asked, example_claims(example, policy.site.provider(example.identity_provider)), now)
            got = tuple((access.project, access.roles) for access in decision.access)
            if got != tuple((project, roles) for project, roles in example.access if roles):
                yield FailedExample(community.name, example, got, decision.refusal)


def example_claims(example: Example, provider: IdentityProvider) -> GivenClaims:
    """Type the claims as a verifier would; what an example leaves out is what a good login has."""
    claims, names = example.claims, provider.claims
    client = next((v for n in ("azp", "client_id") for v in texts(claims, n)), (*provider.issuing_clients, "")[0])
    return GivenClaims(
        provider=provider.id,
        issuer=next(iter(texts(claims, "iss")), provider.issuers[0]),
        subject=next(iter(texts(claims, names.subject)), "example@example.org"),
        client=client,
        entitlements=tuple(sorted({value for name in names.entitlements for value in texts(claims, name)})),
        assurance=texts(claims, names.assurance),
    )


def without_validity(policy: Policy) -> Policy:
    """The same policy with every span of validity open."""
    return replace(policy, communities=tuple(map(_open, policy.communities)))


def _open(community: Community) -> Community:
    rules = tuple(replace(rule, validity=Validity()) for rule in community.rules)
    return replace(community, rules=rules, validity=Validity())


def _told(access: Access) -> str:
    return ", ".join(f"{'+'.join(roles)} on {project}" for project, roles in access) or "nothing"
