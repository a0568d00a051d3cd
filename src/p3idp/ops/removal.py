"""Say whose access ends or comes back, and see to it. Owns what is read for that, and the run.

One run at a time at a Keystone: read, judge, refuse, write down the intent, act, read back, write down the outcome. Who
gets which step is core/removal's; a recheck, which asks providers first, is recheck.py's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from p3idp.core.access.history_text import digest_of
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import Policy
from p3idp.core.removal.bounds import USUAL_PACE, Pace
from p3idp.core.removal.findings import USUAL, Limits
from p3idp.core.removal.steps import OF_ONE, Action, Removal, Step, Why
from p3idp.errors.access import FindingsUnaccepted, PlanStale
from p3idp.errors.removal import LeaverUnknown, RemovalIncomplete, RemovalRunning
from p3idp.ops.access_ledger import Result
from p3idp.ops.access_refusals import not_reviewed
from p3idp.ops.removal_look import Look
from p3idp.ops.removal_write import Hands, RemovalRecord
from p3idp.ports.environment import Clock
from p3idp.ports.history import RunLock
from p3idp.ports.holdings import HoldingsReader
from p3idp.ports.keystone import FederatedLogin, FederationReader
from p3idp.ports.ledger import Ledger
from p3idp.ports.logins import LoginReader, Recalled
from p3idp.ports.offline import Consents, OfflineReader
from p3idp.ports.people import PeopleReader
from p3idp.ports.regex import Search
from p3idp.ports.removal import UserSwitch

Progress = Callable[[Step, Result], None]
MOST_ASKED = 500  # people who consented whose groups a review asks for, one call each


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What would be done, and the look that it was made of."""

    removal: Removal
    look: Look


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a run did. ``settled``: ids of earlier intents that it closed; ``held``: steps that a finding held back.

    ``accepted``: the findings that somebody accepted by name.
    """

    removal: Removal
    results: tuple[tuple[Step, Result], ...]
    settled: tuple[str, ...] = ()
    held: tuple[Step, ...] = ()
    accepted: tuple[str, ...] = ()

    @property
    def held_together(self) -> tuple[Step, ...]:
        """The steps that a finding about everybody holds back, and not one about this person alone."""
        blocking = self.removal.blocking
        return tuple(s for s in self.held if any(f.name not in OF_ONE for f in blocking(s, self.accepted)))

    @property
    def undone(self) -> tuple[tuple[Step, Result], ...]:
        """What was tried, or should have been, and is not so."""
        return tuple((step, result) for step, result in self.results if result.word != "done")


@dataclass(frozen=True, slots=True)
class RemovalOps:
    """Removal with the outside handed in. What is a callable is opened when it is needed.

    ``logins`` and ``consents``: None where the settings keep none. ``clients``: p3idp's own client at each provider,
    whose tokens hide nothing of what somebody has. ``account``: the Keystone user that p3idp acts as.
    """

    policy: Callable[[], Policy]
    reader: FederationReader
    people: PeopleReader
    holdings: HoldingsReader
    switch: UserSwitch
    keystone: FederatedLogin
    account: Callable[[], str]
    logins: Callable[[], LoginReader | None]
    consents: Callable[[], OfflineReader | None]
    ledger: Callable[[], Ledger]
    lock: Callable[[], RunLock]
    search: Search
    clock: Clock
    clients: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = USUAL_PACE
    limits: Limits = USUAL

    def look(self) -> Look:
        """Read the policy and Keystone. Raises PolicyInvalid, and the errors of reading Keystone."""
        return Look(self.policy(), self.reader, self.people, self.holdings, self.search, self.account(), self.clients)

    def review(self, now: datetime) -> "Reviewed":
        """What would be done now, with what is known already: nobody is asked, and nothing is changed."""
        store, consents = self.logins(), self.consents()
        recalled = store.recall(now) if store else Recalled()
        kept = consents.consents(now) if consents else Consents()
        look = self.look()
        consented = look.users_of((each.provider, each.subject) for each in kept.kept)
        removal = look.removal(
            recalled.logins,
            now,
            self.pace,
            self.limits,
            dict(islice(consented.items(), MOST_ASKED)),
            consented=len(kept.kept),
            unreadable=recalled.unreadable + kept.unreadable,
            unasked=max(0, len(consented) - MOST_ASKED),
        )
        return Reviewed(removal, look)

    def revoke(
        self,
        now: datetime,
        digest: str | None,
        accepted: Collection[str] = (),
        progress: Progress = lambda step, result: None,
    ) -> Revoked:
        """Disable and enable whom the reviewed ``digest`` names; None takes whatever it is now.

        Raises PlanStale, FindingsUnaccepted, RemovalRunning, LedgerUnavailable before anything was done, and
        RemovalIncomplete where something was not done.
        """
        with self.alone():
            reviewed = self.review(now)
            removal = reviewed.removal
            refuse_stale(removal, digest)
            held = tuple(step for step in removal.switches if removal.blocking(step, accepted))
            if held:
                raise _unaccepted(removal, held, accepted)
            done = self.act(reviewed, now, accepted, {}, progress)
        if undone := [each for each in done.undone if each[0].action is not Action.SIGN_IN]:
            raise RemovalIncomplete(_incomplete(done, undone))
        return done

    def keep_out(self, named: str, now: datetime) -> Revoked:
        """Make somebody's disabling an administrator's: whatever they show from now on, p3idp does not enable them.

        ``named``: the user's name or id at Keystone. Raises LeaverUnknown where this policy disabled no such user, and
        as ``revoke`` does.
        """
        with self.alone():
            look = self.look()
            found = [user for user in look.disabled() if named in (user.id, user.name)]
            if len(found) != 1:
                whom = f"{len(found)} users of that name were" if found else "No user of that name or id was"
                raise LeaverUnknown(f"{whom} disabled by p3idp.")
            user = found[0]
            told = "An administrator keeps them out, also after a return."
            step = Step(Action.KEEP_OUT, Why.BY_HAND, user.id, user.name, user.provider, told)
            removal = Removal(str(look.policy.site.id), look.target, (step,))
            done = self.act(Reviewed(removal, look), now, (), {})
        if done.undone:
            raise RemovalIncomplete(_incomplete(done, done.undone))
        return done

    def act(
        self,
        reviewed: "Reviewed",
        now: datetime,
        accepted: Collection[str],
        tokens: Mapping[str, RawToken],
        progress: Progress = lambda step, result: None,
    ) -> Revoked:
        """Do every step that no finding holds back, and that can be done: a sign-in needs the user's token.

        To be called alone (``alone``). An error that ends the run goes up after its outcome was written down.
        """
        removal = reviewed.removal
        held = tuple(step for step in removal.steps if removal.blocking(step, accepted))
        able = [s for s in removal.steps if s not in held and (s.action is not Action.SIGN_IN or s.user in tokens)]
        record = RemovalRecord(self.ledger(), self.account(), self.clock)
        settled = record.settle(removal, self.switch, now)
        results: dict[Step, Result] = dict.fromkeys(able, Result("not-tried"))
        if not able:
            return Revoked(removal, (), settled, held, tuple(accepted))
        hands = Hands(reviewed.look.policy, self.switch, self.keystone, self.holdings, tokens, now, results, progress)
        intent = record.intend(removal, able, accepted, now)
        try:
            for step in able:
                hands.do(step)
        finally:
            record.conclude(intent, removal, results)
        return Revoked(removal, tuple(results.items()), settled, held, tuple(accepted))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One run at a time at one Keystone. Raises RemovalRunning, CoordinationUnavailable."""
        target = self.reader.target()
        with self.lock().hold(f"p3idp-removal-{digest_of(target)[:16]}") as got:
            if not got:
                raise RemovalRunning("Another run is ending or restoring people's access at this Keystone.")
            yield


def refuse_stale(removal: Removal, digest: str | None) -> None:
    """Raise PlanStale where something else was reviewed."""
    if digest is not None and digest != removal.digest:
        told = f"What would be revoked is now {removal.digest[:12]}…, {not_reviewed(digest, removal.digest)}"
        raise PlanStale(told, hint="Run `p3idp leavers` again, review it, and revoke with the new digest.")


def _unaccepted(removal: Removal, held: Collection[Step], accepted: Collection[str]) -> FindingsUnaccepted:
    standing = {finding for step in held for finding in removal.blocking(step, accepted)}
    ordered = sorted(standing, key=lambda finding: (finding.name, finding.subject))
    names = "".join(f" --accept {name}" for name in sorted({finding.name for finding in ordered}))
    told = "\n".join(f"{finding.name}: {finding.message}" for finding in ordered)
    return FindingsUnaccepted(told, hint=f"See that it is meant, then accept by name:{names}")


def _incomplete(done: Revoked, undone: Collection[tuple[Step, Result]]) -> str:
    failed = [f"{step.action} {step.who}: {result.detail}" for step, result in undone if result.word == "failed"]
    return f"{len(done.results) - len(undone)} of {len(done.results)} steps were made. {' '.join(failed)}".strip()
