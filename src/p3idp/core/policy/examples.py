"""The examples that a policy carries: claims in, access out. Owns running them, and what they leave unsaid.

This asks the policy alone; whether Keystone's own door answers the same is core/mappings/door.py's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from p3idp.core.policy.claims import GivenClaims, given_claims, texts
from p3idp.core.policy.decide import CLIENT_CLAIM, decide
from p3idp.core.policy.decision import Decision
from p3idp.core.policy.model import Community, Example, IdentityProvider, Policy, ProjectRef, Validity
from p3idp.core.policy.reached import ReachedRules
from p3idp.errors.policy import ClaimsInvalid

# With every validity taken away, any moment will do.
_WHENEVER = datetime(2000, 1, 1, tzinfo=UTC)
_SOMEONE = "example@example.org"
Access = tuple[tuple[ProjectRef, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class TriedExample:
    """An example and what the policy gave.

    ``policy`` and ``now``: what it was asked of, without validities where the example names no moment. ``claims``:
    all of them, with what was left unsaid filled in; ``typed`` is None, and ``decision`` empty, where they are no
    claims at all, as ``problem`` says.
    """

    community: str
    example: Example
    policy: Policy
    now: datetime
    claims: Mapping[str, object]
    typed: GivenClaims | None
    decision: Decision
    problem: str = ""

    @property
    def expected(self) -> Access:
        """What the example says, without projects that are named for nothing."""
        return tuple((project, roles) for project, roles in self.example.access if roles)

    @property
    def got(self) -> Access:
        """What the policy gives."""
        return tuple((access.project, access.roles) for access in self.decision.access)

    @property
    def holds(self) -> bool:
        """Whether the policy gives what the example says. Claims that are none hold nothing, not even nothing."""
        return not self.problem and self.got == self.expected

    @property
    def place(self) -> str:
        """``file:line``."""
        file, line = self.example.place
        return f"{file}:{line}"

    @property
    def difference(self) -> str:
        """What was expected and what came out."""
        if self.problem:
            return self.problem
        refusal = self.decision.refusal
        return f"expects {told(self.expected)}, but gets {told(self.got)}" + (f": {refusal.detail}" if refusal else "")

    @property
    def message(self) -> str:
        """The difference, at which line."""
        return f"{self.place}: “{self.example.title}” {self.difference}"


def try_examples(policy: Policy) -> Iterator[TriedExample]:
    """Every example of every community, held against the policy."""
    always, lifted = without_validity(policy), without_suspension(policy)
    for community in policy.communities:
        for example in community.examples:
            asked, now = (always, _WHENEVER) if example.at is None else (lifted, example.at)
            yield _try(community.name, example, asked, now)


def failed_examples(policy: Policy) -> Iterator[TriedExample]:
    """The examples that the policy itself contradicts."""
    always, lifted = without_validity(policy), without_suspension(policy)
    reached = ReachedRules(always), ReachedRules(lifted)
    for community in policy.communities:
        for example in community.examples:
            asked, near, now = (
                (always, reached[0], _WHENEVER) if example.at is None else (lifted, reached[1], example.at)
            )
            # Few fail, and those alone are worth looking at every rule of every community.
            if not _try(community.name, example, asked, now, near).holds:
                yield _try(community.name, example, asked, now)


def _try(
    community: str, example: Example, policy: Policy, now: datetime, near: ReachedRules | None = None
) -> TriedExample:
    provider = policy.site.provider(example.identity_provider)
    try:
        claims = whole_claims(example, provider)
        typed = given_claims(claims, policy.site, provider.id)
    except ClaimsInvalid as exc:
        problem = f"holds no claims that could come: {exc.detail}"
        return TriedExample(community, example, policy, now, example.claims, None, Decision((), ()), problem)
    decided = decide(near.by(typed.entitlements) if near else policy, typed, now)
    return TriedExample(community, example, policy, now, claims, typed, decided)


def whole_claims(example: Example, provider: IdentityProvider) -> Mapping[str, object]:
    """The example's claims; what it leaves out is what a good login has. Raises ClaimsInvalid."""
    claims = example.claims
    usual = {"iss": provider.issuers[0], provider.claims.subject: _SOMEONE, "aud": list(provider.audiences)}
    if not any(texts(claims, name) for name in (CLIENT_CLAIM, "client_id")):
        usual[CLIENT_CLAIM] = next(iter(provider.issuing_clients), "")
    return {**{name: value for name, value in usual.items() if value}, **claims}


def without_validity(policy: Policy) -> Policy:
    """The same policy with every span of validity open, and nothing suspended."""
    lifted = without_suspension(policy)
    return replace(lifted, communities=tuple(map(_open, lifted.communities)))


def without_suspension(policy: Policy) -> Policy:
    """The same policy with no community and no identity provider suspended: examples say what holds once it is back."""
    providers = tuple(replace(each, suspended=None) for each in policy.site.identity_providers)
    communities = tuple(replace(each, suspended=None) for each in policy.communities)
    return replace(policy, site=replace(policy.site, identity_providers=providers), communities=communities)


def _open(community: Community) -> Community:
    rules = tuple(replace(rule, validity=Validity()) for rule in community.rules)
    people = tuple(replace(person, validity=Validity()) for person in community.people)
    return replace(community, rules=rules, people=people, validity=Validity())


def told(access: Access) -> str:
    """Access in words."""
    return ", ".join(f"{'+'.join(roles)} on {project}" for project, roles in access) or "nothing"
