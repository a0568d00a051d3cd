"""Plan and apply what the policy says should stand in Keystone, and go back to what an earlier apply left.

Owns that runs come one at a time, and what stops one before it acts. Making the plan is access_plan.py's, the run
itself access_run.py's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.access.commit import Commit
from p3idp.core.access.guards import Guards
from p3idp.core.access.history_text import digest_of
from p3idp.core.access.plan import Change, Plan
from p3idp.core.access.proposal import ALONE, Warrant
from p3idp.core.access.thresholds import USUAL, Thresholds
from p3idp.core.access.way_back import WayBack
from p3idp.core.policy.model import Policy, Site
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.access_guards import ParseSite, guards_in_force
from p3idp.ops.access_history import AccessHistory, Known, unreadable
from p3idp.ops.access_ledger import AccessRecord, Result
from p3idp.ops.access_plan import Goal, ParsePolicy, Planned, plan_policy, plan_rollback
from p3idp.ops.access_provenance import provenance_of
from p3idp.ops.access_refusals import (
    refuse_stale,
    refuse_unaccepted,
    refuse_warrant,
    running_already,
)
from p3idp.ops.access_run import Run
from p3idp.ops.access_write import Progress
from p3idp.ops.people import PeopleView
from p3idp.ops.read_ahead import ReadAhead
from p3idp.ports.environment import Clock
from p3idp.ports.history import History, RunLock
from p3idp.ports.keystone import FederationReader, FederationWriter
from p3idp.ports.ledger import Ledger
from p3idp.ports.repository import PolicyRepository


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did. ``settled``: ids of earlier intents that it closed. ``number``: its own in the history."""

    plan: Plan
    results: tuple[tuple[Change, Result], ...]
    settled: tuple[str, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class AccessOps:
    """Plan, apply and roll back, with the outside handed in.

    ``policy``, ``ledger``, ``history`` and ``lock`` are opened when they are needed. ``parse`` reads a policy from the
    texts of its files, and ``site`` its site file alone; ``people`` says what a plan does to people. ``guarded``:
    whether two people can decide here, so that nothing may hide who they are. ``repository``: the one around the policy
    directory; None where nobody asks which commit a policy was read at. ``workers``: writes under way at once.
    ``domain``: the policy's domain, known sooner than all of it; None where Keystone is read after the policy.
    """

    policy: Callable[[], Policy]
    reader: FederationReader
    writer: FederationWriter
    ledger: Callable[[], Ledger]
    history: Callable[[], History]
    lock: Callable[[], RunLock]
    parse: ParsePolicy
    clock: Clock
    people: PeopleView | None = None
    limits: Thresholds = USUAL
    site: ParseSite | None = None
    guarded: bool = False
    workers: int = 1
    repository: PolicyRepository | None = None
    domain: Callable[[], str] | None = None

    def plan(self, now: datetime) -> Plan:
        """Raises PolicyInvalid, and the errors of reading Keystone."""
        return self.review(now).plan

    def review(self, now: datetime) -> Planned:
        """The plan as people are to see it, with all that it was made of."""
        return self._seen(self.planned(now), now)

    def planned(self, now: datetime) -> Planned:
        """The same without what it does to people."""
        reader = self._reader_ahead()
        return self._planned(self.policy(), now, reader)

    def planned_for(self, policy: Policy, now: datetime, commit: Commit | None = None) -> Planned:
        """The same for a policy that is not the present one. ``commit``: the one that it was read at."""
        return self._planned(policy, now, self.reader, commit)

    def _planned(
        self, policy: Policy, now: datetime, reader: FederationReader, commit: Commit | None = None
    ) -> Planned:
        known = self._known(str(policy.site.id))
        provenance = provenance_of(policy, known.newest, self.repository, commit)
        return plan_policy(policy, reader, known, now, self.limits, provenance)

    def _reader_ahead(self) -> FederationReader:
        """Keystone's reader, at work already where the domain is known."""
        try:
            return ReadAhead(self.reader, self.domain()) if self.domain else self.reader
        except PolicyInvalid:  # reading all of it tells every mistake
            return self.reader

    def review_for(self, policy: Policy, now: datetime, commit: Commit | None) -> Planned:
        """The plan for such a policy, as people are to see it."""
        return self._seen(self.planned_for(policy, now, commit), now)

    def _known(self, policy: str) -> Known:
        past, target = self.past, self.reader.target()
        try:
            known = past().known(target, policy)
            guards = guards_in_force(past(), known, self.site or self._whole_site, target, policy)
        except LedgerUnavailable as exc:
            # Who reviews a plan elsewhere may see all of it but this. An apply fails before it acts.
            return unreadable(exc)
        return replace(known, guards=guards if self.guarded or not guards.unknown else Guards())

    def guards(self) -> Guards:
        """Who decides what one person must not, by the policy that was applied last."""
        return self._known(str(self.policy().site.id)).guards

    def _whole_site(self, texts: Mapping[str, str], environment: str) -> Site:
        return self.parse(texts, environment).site

    def plan_rollback(self, to: WayBack, now: datetime) -> Plan:
        """The plan back to an earlier state. Raises ApplyUnknown, HistoryDamaged, RollbackImpossible."""
        return self.review_rollback(to, now).plan

    def review_rollback(self, to: WayBack, now: datetime) -> Planned:
        """The same as ``review``, for the way back."""
        past = self.past()
        entry = past.entry_in_whole_ledger(to.number)
        goal = Goal(to, entry, (past.good_before(to.number) if to.before else None) or entry)
        known = self._known(entry.begun.policy)
        return self._seen(plan_rollback(goal, self.parse, self.reader, known, now, self.limits), now)

    def _seen(self, planned: Planned, now: datetime) -> Planned:
        """The same with what it does to people, where people are looked at."""
        return self.people.look(planned, now) if self.people else planned

    def past(self) -> AccessHistory:
        """The applies so far."""
        return AccessHistory(self.history(), self.ledger())

    def apply(
        self,
        now: datetime,
        digest: str | None,
        accepted: Sequence[str] = (),
        progress: Progress = lambda change, result: None,
        warrant: Warrant = ALONE,
    ) -> Applied:
        """Apply the plan that ``digest`` names; None takes whatever the plan is now.

        ``warrant``: on whose word. Raises PlanStale where the plan is another, FindingsUnaccepted, SecondPersonNeeded,
        ProposalRefused, ApplyRunning, LedgerUnavailable before anything was done, and what Run.act raises where
        something was not done.
        """
        with self._alone():
            return self._run(self.review(now), now, digest, accepted, progress, warrant)

    def rollback(
        self,
        to: WayBack,
        now: datetime,
        digest: str | None,
        accepted: Sequence[str] = (),
        progress: Progress = lambda change, result: None,
        warrant: Warrant = ALONE,
    ) -> Applied:
        """Apply the plan back to an earlier state, as ``apply`` does; it is an apply of its own."""
        with self._alone():
            return self._run(self.review_rollback(to, now), now, digest, accepted, progress, warrant)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time at one Keystone: two plans that were both right would overwrite one another."""
        target = self.reader.target()
        with self.lock().hold(f"p3idp-apply-{digest_of(target)[:16]}") as got:
            if not got:
                raise running_already(self.ledger(), target)
            yield

    def _run(
        self,
        planned: Planned,
        now: datetime,
        digest: str | None,
        accepted: Sequence[str],
        progress: Progress,
        warrant: Warrant,
    ) -> Applied:
        plan = planned.plan
        refuse_stale(plan, digest)
        refuse_warrant(warrant, plan, planned.known.guards.approvers, self.ledger(), now)
        refuse_unaccepted(plan, accepted, by_two=warrant.approval is not None)
        record = AccessRecord(self.ledger(), self.history(), self.writer.account(), self.clock, warrant)
        settled = record.settle(plan, planned.observed, now)
        if not plan.does_something:
            return Applied(plan, (), settled)
        run = Run(planned, record, self.reader, self.writer, progress, self.workers)
        number, results = run.act(accepted, now)
        return Applied(plan, tuple(results.items()), settled, number)
