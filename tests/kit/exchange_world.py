"""A small world in memory for tests of the exchange: a policy, people with tokens, a Keystone and a ledger."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from stand_ins import ListedEvents, MovableClock

from p3idp.adapters.memory.login import MemoryKeystoneLogin, MemoryPerson
from p3idp.core.exchange.request import ACCESS_TOKEN, GRANT_TYPE
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    Policy,
    PolicyId,
    Project,
    ProjectRef,
    ProviderId,
    Site,
    Validity,
)
from p3idp.errors.login import TokenRefused
from p3idp.ops.exchange import TokenExchange

ISSUER = "https://idp.test/auth/realms/egi"
KEYSTONE = "https://keystone.test/v3"
BEGIN = datetime(2026, 11, 22, 8, 0, 0, 250_000, tzinfo=UTC)
OPERATORS = Entitlement("urn:mace:egi.eu", ("vo.access.egi.eu",), "vm_operator")
P3, P4, ENDED = (ProjectRef("egi", name) for name in ("p3", "p4", "ended"))


@dataclass
class ListedTokens:
    """Believes the tokens it lists and refuses all others, each with a reason."""

    claims: dict[str, VerifiedClaims] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    problem: Exception | None = None

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        self.asked.append(raw.reveal())
        if self.problem:
            raise self.problem
        if raw.reveal() not in self.claims:
            raise TokenRefused(self.reasons.get(raw.reveal(), "signature"), "It is not a token of the provider.")
        if self.claims[raw.reveal()].expires_at <= now:
            raise TokenRefused("expired", "It is over.")
        return self.claims[raw.reveal()]


def a_provider(**changes: object) -> IdentityProvider:
    shape: dict[str, object] = {
        "id": ProviderId("egi"),
        "title": "Check-in",
        "issuers": (ISSUER,),
        "protocol": "openid",
        "claims": ClaimNames(),
        "scopes": ("openid",),
        "authorization_ttl": timedelta(hours=1),
        "issuing_clients": ("p3idp-cli",),
    }
    return IdentityProvider(**(shape | changes))  # type: ignore[arg-type]


def a_policy(provider: IdentityProvider, until: datetime | None = None) -> Policy:
    rules = (
        AccessRule(OPERATORS, ((P3, ("member",)), (P4, ("member",))), Validity(until=until)),
        AccessRule(OPERATORS, ((ENDED, ("member",)),), Validity(until=BEGIN)),
    )
    community = Community("vo.access.egi.eu", "Access", "c@x.test", (Project(P3), Project(P4)), rules)
    return Policy(Site(PolicyId("lab"), "Lab", "egi", "c@x.test", (provider,)), (community,))


def some_claims(subject: str, life: timedelta = timedelta(minutes=30), **changes: object) -> VerifiedClaims:
    shape: dict[str, object] = {
        "provider": ProviderId("egi"),
        "issuer": ISSUER,
        "subject": f"{subject}@egi.eu",
        "client": "p3idp-cli",
        "issued_at": BEGIN,
        "expires_at": BEGIN + life,
        "entitlements": (f"{OPERATORS}#aai.egi.eu",),
        "assurance": (),
        "scopes": ("openid",),
        "display_name": subject,
        "shown": {},
    }
    return VerifiedClaims(**(shape | changes))  # type: ignore[arg-type]


class World:
    """alice may use p3 by the policy and in Keystone; bob holds nothing; Keystone tokens live an hour."""

    def __init__(self, provider: IdentityProvider | None = None, until: datetime | None = None) -> None:
        self.clock = MovableClock(BEGIN)
        self.keystone = MemoryKeystoneLogin(self.clock)
        self.tokens = ListedTokens()
        self.ledger = ListedEvents()
        self.policy = a_policy(provider or a_provider(), until)
        numbers = count(1)
        self.exchange = TokenExchange(
            policy=lambda: self.policy,
            keystone_urls=(KEYSTONE, "https://inside.test:5000/v3"),
            verifier=self.tokens,
            keystone=self.keystone,
            ledger=self.ledger,
            clock=self.clock,
            new_token=lambda: f"unique-{next(numbers)}",
        )
        self.arrive("alice", {P3: ("member",)})
        self.arrive("bob", {}, entitlements=())

    def arrive(self, name: str, projects: dict[ProjectRef, tuple[str, ...]], **claims: object) -> None:
        """Someone with the access token ``token-<name>``, and what Keystone gives them."""
        self.tokens.claims[f"token-{name}"] = some_claims(name, **claims)  # type: ignore[arg-type]
        self.keystone.people[f"token-{name}"] = MemoryPerson(name, projects)

    def ask(self, token: str = "token-alice", **changes: str | None):
        return self.exchange.exchange(a_form(token, **changes))


def a_form(token: str = "token-alice", **changes: str | None) -> list[tuple[str, str]]:
    """The parameters of a good request for p3; a change of None leaves one out."""
    form: dict[str, str | None] = {
        "grant_type": GRANT_TYPE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "scope": "project:p3@egi",
    }
    return [(name, value) for name, value in (form | changes).items() if value is not None]
