"""What somebody may use here, told to themselves: the policy's word beside Keystone's. Owns the question of a program.

The token is believed as the exchange believes it, the decision is the one of every other door, and Keystone is looked
at as the page looks. Nothing is handed out, so nothing is written into the ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.login.differences import Difference, differences
from p3idp.core.login.session import KeystoneView
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.decide import decide, earliest
from p3idp.core.policy.explanation import Explanation, Gift, explain
from p3idp.core.policy.model import Policy, Site
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ops.exchange_trust import check_exchange_is_on, verify_subject_token
from p3idp.ops.keystone_view import look_with_ids
from p3idp.ops.logins import remember_nothing
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.environment import Clock
from p3idp.ports.keystone import FederatedLogin
from p3idp.ports.logins import Remember


@dataclass(frozen=True, slots=True)
class OwnProject:
    """A project that the policy gives.

    ``id``: Keystone's, empty where it names none. ``until``: the first of the policy's end and, where Keystone has the
    project, the lapse of this login's memberships; None where neither ends. ``reachable``: whether Keystone lists it
    now; None where it could not be asked. ``roles_at_keystone``: None where they were not looked up.
    """

    gift: Gift
    id: str
    until: datetime | None
    reachable: bool | None
    roles_at_keystone: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class OwnAccess:
    """All that is told. ``explanation`` says why where there is no project."""

    site: Site
    claims: VerifiedClaims
    projects: tuple[OwnProject, ...]
    explanation: Explanation
    differences: tuple[Difference, ...]
    keystone: KeystoneView


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """Answers people's programs. ``policy`` gives the policy in force at each call."""

    policy: Callable[[], Policy]
    verifier: AccessTokenVerifier
    keystone: FederatedLogin
    clock: Clock
    remember: Remember = remember_nothing

    def tell(self, token: RawToken) -> OwnAccess:
        """What the token's holder may use. Raises ExchangeError's kinds, as a refused exchange does."""
        policy, now = check_exchange_is_on(self.policy), self.clock()
        claims = verify_subject_token(self.verifier, policy, token, now)
        self.remember(claims, now)
        decision = decide(policy, claims, now)
        explanation = explain(policy, decision, claims.entitlements)
        view, ids = look_with_ids(self.keystone, policy.site.provider(claims.provider), token, now)
        projects = tuple(_own(gift, view, ids.get(gift.project, "")) for gift in explanation.gifts)
        found = differences(decision.access, view)
        return OwnAccess(policy.site, claims, projects, explanation, found, view)


def _own(gift: Gift, view: KeystoneView, id: str) -> OwnProject:
    reachable = None if view.problem == KeystoneUnreachable.code else bool(id)
    # A project that Keystone has not heard of is in no membership that could lapse.
    until = earliest(gift.until, view.lapses_at) if id else gift.until
    return OwnProject(gift, id, until, reachable, dict(view.projects).get(gift.project))
