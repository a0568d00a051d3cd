"""Two people decide: one proposes a plan, another approves it, and it is applied as long as it is still that plan.

Owns the order of steps. Who may is core/access/proposal's, who somebody is the verifier's. Nothing here asks the
operating system who runs it: two shells are not two people.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from p3idp.core.access.guards import Guards
from p3idp.core.access.history_text import digest_of
from p3idp.core.access.plan import Plan
from p3idp.core.access.proposal import Approval, Person, Proposal, Warrant, approver_of, is_fresh, objection
from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.event import Actor, person
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import Site
from p3idp.errors.proposals import ProposalRefused, ProposalUnknown
from p3idp.ops.access import AccessOps, Applied
from p3idp.ops.access_plan import Planned
from p3idp.ops.access_refusals import refuse_stale, refuse_unaccepted
from p3idp.ops.access_write import Progress
from p3idp.ops.audit import verify_ledger
from p3idp.ops.proposal_ledger import APPROVE, PROPOSE, ProposalRecord
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.environment import TokenSource
from p3idp.ports.ledger import Ledger
from p3idp.ports.proposals import Proposals

_NOBODY = "Name `approvers` in site.yaml and apply that (finding changes-approvers); from then on they decide."


@dataclass(frozen=True, slots=True)
class ProposalDesk:
    """Where proposals are made, approved and applied.

    ``verifier``: believes tokens as a site file says, in an environment; ``valid``: how long a proposal lives;
    ``token_age``: how old a token may be that says who somebody is.
    """

    access: AccessOps
    proposals: Callable[[], Proposals]
    verifier: Callable[[Site, str], AccessTokenVerifier]
    valid: timedelta
    token_age: timedelta
    new_token: TokenSource

    def propose(
        self, token: RawToken, accepted: tuple[str, ...], rollback_to: WayBack | None, now: datetime
    ) -> tuple[Proposal, Plan]:
        """Plan, and keep the plan for a second person.

        Raises FindingsUnaccepted where a danger is not named, ProposalRefused, TokenRefused, ProviderUnreachable.
        """
        planned = self._review(rollback_to, now)
        plan = planned.plan
        proposer = self._approver(PROPOSE, token, planned, now)
        if not plan.does_something:
            raise ProposalRefused("nothing", "There is nothing to propose: the plan changes nothing.")
        refuse_unaccepted(plan, accepted, by_two=True)
        identity = digest_of(self.new_token())[:12]
        proposal = Proposal(
            id=identity,
            digest=plan.digest,
            policy_digest=planned.policy.digest,
            rollback_to=rollback_to,
            accepted=tuple(sorted(set(accepted))),
            proposer=proposer,
            at=now,
            until=now + self.valid,
            record="",
            plan=plan.as_json(),
        )
        proposal = replace(proposal, record=self._record.proposed(proposal))
        self.proposals().keep(proposal)
        return proposal, plan

    def look(self, identity: str, now: datetime) -> tuple[Proposal, Plan]:
        """A proposal, and its plan as it is now. Raises PlanStale where it is another by now."""
        proposal = self.find(identity)
        plan = self._review(proposal.rollback_to, now).plan
        refuse_stale(plan, proposal.digest)
        return proposal, plan

    def find(self, identity: str) -> Proposal:
        """A proposal as it was made. Raises ProposalUnknown, ProposalDamaged."""
        proposal = self.proposals().find(identity)
        if proposal is None:
            raise ProposalUnknown(f"There is no proposal {identity}.")
        self._record.check_proposal(proposal)
        return proposal

    def approval(self, identity: str) -> Approval | None:
        """The second person's word on a proposal; None where there is none. Raises ProposalDamaged."""
        approval = self.proposals().approval(identity)
        if approval is not None:
            self._record.check_approval(approval)
        return approval

    def approve(self, identity: str, digest: str, token: RawToken, now: datetime) -> Approval:
        """Keep a second person's word. ``digest``: of the plan that they looked at.

        Raises PlanStale where that, or the world, is another; ProposalRefused, TokenRefused, ProviderUnreachable.
        """
        proposal = self.find(identity)
        planned = self._review(proposal.rollback_to, now)
        refuse_stale(planned.plan, digest)
        verify_ledger(self._ledger)
        approver = self._approver(APPROVE, token, planned, now)
        approval = Approval(identity, digest, approver, now, "")
        why = objection(proposal, approval, planned.plan.digest, planned.known.guards.approvers, now)
        if why is not None:
            raise self._record.refused(APPROVE, why.reason, why.detail, approver.actor, now)
        if (other := self.approval(identity)) is not None:
            raise ProposalRefused("approved", f"{other.approver} approved this at {other.at:%Y-%m-%d %H:%M}Z.")
        approval = replace(approval, record=self._record.approved(approval, proposal.record))
        if not self.proposals().approve(approval):
            raise ProposalRefused("approved", "Somebody else approved this a moment ago.")
        return approval

    def apply(self, identity: str, token: RawToken | None, now: datetime, progress: Progress) -> Applied:
        """Apply what two people decided, once. Raises as AccessOps.apply, and where they did not decide."""
        proposal, approval = self.find(identity), self.approval(identity)
        if approval is None:
            told = f"Nobody approved the proposal {identity} so far."
            raise ProposalRefused("unapproved", told, hint=f"Another person may: p3idp approve {identity}")
        verify_ledger(self._ledger)  # what decides stands there
        warrant = Warrant(self.actor(token, now) if token else None, proposal, approval)
        if proposal.rollback_to is not None:
            to = proposal.rollback_to
            return self.access.rollback(to, now, proposal.digest, proposal.accepted, progress, warrant)
        return self.access.apply(now, proposal.digest, proposal.accepted, progress, warrant)

    def actor(self, token: RawToken, now: datetime) -> Actor:
        """Whoever signed in, for the ledger; they need not be an approver. Raises TokenRefused, ProposalRefused."""
        guards = self.access.guards()
        if guards.site is None:
            policy = self.access.policy()
            guards = Guards(policy.site, "", policy.environment)
        claims = self._claims(token, guards, now)
        return person(claims.subject, claims.issuer)

    def _review(self, rollback_to: WayBack | None, now: datetime) -> Planned:
        return self.access.review(now) if rollback_to is None else self.access.review_rollback(rollback_to, now)

    def _approver(self, action: str, token: RawToken, planned: Planned, now: datetime) -> Person:
        """Who this is, by the policy that was applied last: the draft has no say in it."""
        guards: Guards = planned.known.guards
        if guards.unknown:
            raise ProposalRefused("approvers-unknown", f"{guards.unknown} So p3idp cannot tell who may approve.")
        if guards.site is None or guards.approvers is None:
            told = "The policy that was applied last names nobody who may propose or approve."
            raise ProposalRefused("no-approvers", told, hint=_NOBODY)
        claims = self._claims(token, guards, now)
        found = approver_of(claims, guards.approvers)
        if found is None:
            told = f"{claims.subject} ({claims.provider}), by the client {claims.client}, is no approver of this site."
            raise self._record.refused(action, "not-approver", told, person(claims.subject, claims.issuer), now)
        return found

    def _claims(self, token: RawToken, guards: Guards, now: datetime) -> VerifiedClaims:
        if guards.site is None:
            raise ProposalRefused("no-approvers", "No policy says whose tokens are honoured.", hint=_NOBODY)
        claims = self.verifier(guards.site, guards.environment).verify_access_token(token, now)
        provider = guards.site.provider_of(claims.issuer)
        # The verifier holds these lines too; a token that anybody may have got must not decide because one forgot.
        if provider is None or provider.id != claims.provider or not (provider.issuing_clients or provider.audiences):
            raise ProposalRefused("not-approver", "The token's issuer is not one whose tokens are honoured here.")
        if not is_fresh(claims, now, self.token_age):
            minutes = int(self.token_age.total_seconds()) // 60
            told = f"The token was issued more than {minutes} minutes ago."
            raise ProposalRefused("token-old", told, hint="Sign in again and use the new token.")
        return claims

    @property
    def _ledger(self) -> Ledger:
        return self.access.ledger()

    @property
    def _record(self) -> ProposalRecord:
        return ProposalRecord(self._ledger, self.access.reader.target())
