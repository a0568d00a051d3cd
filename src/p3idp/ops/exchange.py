"""Exchange a person's access token for a Keystone token (RFC 8693). Owns the order of the steps and their record.

Form → token verified once → policy → Keystone as the person → the last look at the lifetime → ledger → answer.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.exchange.lifetime import ExchangedToken, latest_end, let_go, seconds_left
from p3idp.core.exchange.naming import credential_name
from p3idp.core.exchange.request import ExchangeRequest, parse_request
from p3idp.core.exchange.target import Target, as_resource, as_scope
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Decision, ProjectAccess
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.model import IdentityProvider, Policy, ProjectRef
from p3idp.core.policy.sentence import no_project
from p3idp.errors.exchange import (
    ExchangeError,
    ExchangeUnavailable,
    InvalidTarget,
    KeystoneDisagrees,
    LifetimeUnkept,
    NoAccess,
    OtherClient,
    ProjectNotNamed,
    SubjectTokenOver,
)
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable, KeystoneUserDisabled
from p3idp.ops.exchange_record import record_exchange
from p3idp.ops.exchange_trust import check_exchange_is_on, verify_subject_token
from p3idp.ops.logins import remember_nothing
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.environment import Clock, TokenSource
from p3idp.ports.keystone import FederatedLogin, KeystoneToken, ReachableProject
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.logins import Remember

_NOT_REACHED = "This token does not reach that project."
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class TokenExchange:
    """The token endpoint's work. ``policy`` gives the policy in force at each call.

    ``keystone_urls``: the addresses, ending in ``/v3``, that mean this site's Keystone in ``resource`` and
    ``audience``; the first one is written into answers.
    """

    policy: Callable[[], Policy]
    keystone_urls: Sequence[str]
    verifier: AccessTokenVerifier
    keystone: FederatedLogin
    ledger: LedgerWriter
    clock: Clock
    new_token: TokenSource
    remember: Remember = remember_nothing

    def exchange(self, parameters: Sequence[tuple[str, str]]) -> ExchangedToken:
        """Answer one form. Raises ExchangeError and its kinds, TooMany where the verifier counts, and nothing else.

        A malformed form is refused before anything is asked, and a token that is not believed before anything
        is recorded. From then on every end is in the ledger before it leaves; where the ledger cannot be
        written the end is ExchangeUnavailable.
        """
        policy = check_exchange_is_on(self.policy)
        request = parse_request(parameters, self.keystone_urls)
        now = self.clock()
        # Nobody is named by a token that is not believed: it goes to the log, and a flood of them fills no ledger.
        claims = verify_subject_token(self.verifier, policy, request.subject_token, now)
        self.remember(claims, now)  # also of whom the policy gives nothing: a draft may
        try:
            token = self._exchange(policy, request, claims, now)
        except ExchangeError as refusal:
            record_exchange(self.ledger, claims, request.target, now, refusal)
            raise
        record_exchange(self.ledger, claims, request.target, now, token)
        return token

    def _exchange(
        self, policy: Policy, request: ExchangeRequest, claims: VerifiedClaims, now: datetime
    ) -> ExchangedToken:
        if request.client_id not in ("", claims.client):
            raise OtherClient("The subject token was issued to another client than the client_id of the request.")
        decision = decide(policy, claims, now)
        if decision.refusal or not decision.access:
            raise no_access(policy, decision, claims)
        provider = policy.site.provider(claims.provider)
        try:
            unscoped, project, access = self._find(policy, provider, request, decision)
            end = latest_end(claims.expires_at, access.until, now)
            scoped = self._scope(unscoped, project, end, decision.withheld(project.ref))
        except KeystoneUnreachable as exc:
            raise ExchangeUnavailable("Keystone does not answer.", debug=exc.debug or exc.detail) from exc
        return let_go(self._answer(scoped, project, now), end)

    def _find(
        self, policy: Policy, provider: IdentityProvider, request: ExchangeRequest, decision: Decision
    ) -> tuple[KeystoneToken, ReachableProject, ProjectAccess]:
        """Log in and find the project. Whatever is wrong with the project, the same calls are made before."""
        try:
            unscoped = self.keystone.login(provider, request.subject_token)
            reachable = self.keystone.projects(unscoped)
        except KeystoneUserDisabled as exc:
            detail = "The policy gives you access, but your user at Keystone is disabled."
            raise KeystoneDisagrees(detail, hint=exc.hint, debug=exc.debug) from exc
        except FederatedLoginRefused as exc:
            detail = "The policy gives you access, but Keystone does not let you in with this token."
            raise KeystoneDisagrees(detail, debug=f"{exc.detail} {exc.debug}") from exc
        both = [(project, access) for project in reachable if (access := decision.on(project.ref))]
        if request.target.is_empty:
            raise ProjectNotNamed(_name_projects([project.ref for project, _ in both]))
        project, access = _choose(request.target, both, policy.site.domain)
        return unscoped, project, access

    def _scope(
        self, unscoped: KeystoneToken, project: ReachableProject, end: datetime, withheld: Collection[str]
    ) -> KeystoneToken:
        """A token that ends by ``end``, without the roles withheld (docs/adr/0003-token-lifetime.md)."""
        try:
            scoped = self.keystone.scope_to(unscoped, project)
        except FederatedLoginRefused as exc:
            raise InvalidTarget(_NOT_REACHED, debug=f"{exc.detail} {exc.debug}") from exc
        # A rule that ended gives roles at Keystone until the next apply; they do not leave with a token of ours.
        kept = tuple(role for role in scoped.roles if role not in withheld)
        if scoped.expires_at <= end and kept == scoped.roles:
            return scoped
        try:
            narrowed = replace(scoped, roles=kept)
            return self.keystone.scope_until(narrowed, project, end, credential_name(self.new_token()))
        except FederatedLoginRefused as exc:
            if self.clock() >= end:
                raise SubjectTokenOver("The subject token ended while it was being exchanged.") from exc
            detail = "Keystone's own tokens live longer than yours, and it made no shorter one."
            raise LifetimeUnkept(detail, debug=f"{exc.detail} {exc.debug} {exc.hint}") from exc

    def _answer(self, scoped: KeystoneToken, project: ReachableProject, began: datetime) -> ExchangedToken:
        if scoped.project_id != project.id:
            raise LifetimeUnkept("Keystone gave a token for another project; it was not handed out.")
        return ExchangedToken(
            value=scoped.value,
            expires_at=scoped.expires_at,
            expires_in=seconds_left(scoped.expires_at, began, self.clock()),
            project=project.ref,
            project_id=project.id,
            roles=scoped.roles,
            resource=as_resource(self.keystone_urls[0], project.id),
            scope=as_scope(project.ref),
        )


Given = Sequence[tuple[ReachableProject, ProjectAccess]]


def _choose(target: Target, both: Given, site_domain: str) -> tuple[ReachableProject, ProjectAccess]:
    by_id = [pair for pair in both if target.fits_id(pair[0].id)]
    by_name = [pair for pair in both if target.fits_name(pair[0].ref, site_domain)]
    chosen = [pair for pair in by_id if pair in by_name]
    if len(chosen) == 1:
        return chosen[0]
    if by_id and by_name:
        raise ExchangeError("resource and scope name two different projects.")
    raise InvalidTarget(_NOT_REACHED)


def no_access(policy: Policy, decision: Decision, claims: VerifiedClaims) -> NoAccess:
    """The same reason that the page and `p3idp why` give, to the token's own holder; a word of it for the log."""
    explanation = explain(policy, decision, claims.entitlements)
    nearest = explanation.nearest
    word = decision.refusal.reason if decision.refusal else nearest.miss.reason if nearest else "nothing-near"
    return NoAccess(no_project(explanation, policy.site), debug=word)


def _name_projects(refs: Collection[ProjectRef]) -> str:
    """A help for the token's own holder, who proved to be that: these are theirs already."""
    if not refs:
        return "No project was asked for, and this token reaches none now."
    more = f" and {len(refs) - _MOST_NAMED} more" if len(refs) > _MOST_NAMED else ""
    return (
        f"No project was asked for. This token reaches: {', '.join(sorted(map(as_scope, refs))[:_MOST_NAMED])}{more}."
    )
