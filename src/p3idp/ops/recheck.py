"""Ask identity providers about people who are away and consented to it, and act on what they say. Owns one such run.

What is learnt is remembered before anything is done with it, and somebody counts as asked only once their answer was
acted on: a run that is killed, or finds Keystone down, is made good by the next one.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from p3idp.core.login.remembered import RememberedLogin, remembered
from p3idp.core.login.tokens import RawToken
from p3idp.core.removal.bounds import is_due
from p3idp.core.removal.steps import Step
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.login import (
    ConsentEnded,
    ProviderRefusedClient,
    ProviderUnreachable,
    ProviderUntrusted,
    TokenRefused,
)
from p3idp.errors.offline import ConsentBusy
from p3idp.ops.access_ledger import Result
from p3idp.ops.offline import Offline
from p3idp.ops.removal import Progress, RemovalOps, Reviewed, Revoked
from p3idp.ops.removal_look import Look
from p3idp.ports.logins import Recalled
from p3idp.ports.offline import Consents, OfflineAccess, Refreshed
from p3idp.ports.removal import Person, RecheckMemory

# After so many failures in a row a provider is left alone until the next run: each may take its whole time limit.
MOST_FAILURES = 3
_OLD = timedelta(seconds=20)  # a look at Keystone after which it is looked at again before anything is done
_SILENT = (ProviderUnreachable, ProviderUntrusted, ProviderRefusedClient)


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a run learnt and did. ``outcomes``: how many people by how asking about them went.

    ``keystone``: why Keystone could not be asked, or was lost on the way; empty otherwise. ``providers``: why a
    provider could not be asked, by its id. ``revoked``: the steps; None where nothing was judged. ``late``: of how many
    the bound had passed when the run began. ``took``: how long it took; ``too_slow``: longer than there is between two.
    ``unreadable``: consents that the settings' keys do not open, which may be those of another environment.
    """

    consented: int
    due: int
    outcomes: Mapping[str, int]
    providers: Mapping[str, str]
    keystone: str
    revoked: Revoked | None
    late: int
    took: timedelta
    too_slow: bool = False
    unreadable: int = 0

    @property
    def unasked(self) -> int:
        """How many should have been asked about and were not."""
        return sum(self.outcomes.get(word, 0) for word in ("unreachable", "refused", "busy"))

    @property
    def held(self) -> tuple[Step, ...]:
        """The steps that a finding about everybody holds back."""
        return self.revoked.held_together if self.revoked else ()


@dataclass(slots=True)
class _Answers:
    """What providers said."""

    logins: dict[Person, RememberedLogin] = field(default_factory=dict)
    tokens: dict[Person, RawToken] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    providers: dict[str, str] = field(default_factory=dict)
    _alone: Lock = field(default_factory=Lock)

    def hear(self, access: OfflineAccess, at: datetime, refreshed: Refreshed) -> None:
        """Keep an answer that was asked for at this moment."""
        person, claims = (access.provider, access.subject), refreshed.claims
        with self._alone:
            self.outcomes["answered"] += 1
            self.failures[access.provider] = 0
            self.logins[person] = remembered(claims, at, claims.by_claim)
            self.tokens[person] = refreshed.access_token

    def take(self, access: OfflineAccess, word: str, why: str = "", *, failed: bool = False) -> None:
        """Keep that there is no answer, and why the provider gave none."""
        with self._alone:
            self.outcomes[word] += 1
            self.failures[access.provider] += failed
            if why:
                self.providers[access.provider] = why


@dataclass(frozen=True, slots=True)
class Recheck:
    """Rechecks with the outside handed in. ``offline`` and ``memory``: None where the settings keep no consents.

    ``at_once``: how many people are asked about at a time.
    """

    removal: RemovalOps
    offline: Callable[[], Offline | None]
    memory: Callable[[], RecheckMemory | None]
    at_once: int = 1

    def run(
        self,
        now: datetime,
        *,
        everyone: bool = False,
        accepted: Collection[str] = (),
        progress: Progress = lambda step, result: None,
    ) -> Rechecked:
        """One run: ask, judge, act. ``everyone``: also those who are not due.

        Raises RemovalRunning, PolicyInvalid, LedgerUnavailable, CoordinationUnavailable and what Keystone refuses; a
        provider or a Keystone that does not answer is part of the answer.
        """
        with self.removal.alone():
            return self._run(now, everyone, accepted, progress)

    def _run(self, now: datetime, everyone: bool, accepted: Collection[str], progress: Progress) -> Rechecked:
        offline, memory = self.offline(), self.memory()
        kept = offline.consents(now) if offline else Consents()
        look, problem = self._look()
        people = {(each.provider, each.subject): each for each in kept.kept}
        wanted = self._worth_asking(people, look)
        acted = memory.acted(wanted) if memory else {}
        pace = self.removal.pace
        due = [person for person in wanted if everyone or is_due(acted.get(person), now, pace)]
        answers = self._ask(offline, [people[person] for person in _mixed(due, now)])
        revoked = None
        if look is not None and self.removal.clock() - now > _OLD:
            # Asking took its time: what is acted on is Keystone as it is now.
            look, problem = self._look()
        if look is not None:
            revoked, problem = self._act(look, answers, now, len(kept.kept), kept.unreadable, accepted, progress)
            if memory and revoked is not None:
                memory.remember(_settled(answers, look, revoked), now)
        took = self.removal.clock() - now
        late = [person for person in wanted if now - (acted.get(person) or people[person].consented_at) > pace.kept]
        return Rechecked(
            consented=len(kept.kept),
            due=len(due),
            outcomes=dict(answers.outcomes),
            providers=dict(answers.providers),
            keystone=problem,
            revoked=revoked,
            late=len(late),
            took=took,
            too_slow=took > pace.every,
            unreadable=kept.unreadable,
        )

    def _look(self) -> tuple[Look | None, str]:
        try:
            return self.removal.look(), ""
        except KeystoneUnreachable as exc:
            return None, exc.detail

    def _worth_asking(self, people: Mapping[Person, OfflineAccess], look: Look | None) -> list[Person]:
        """Those who have something here that could end or come back; everybody where Keystone does not say."""
        if look is None:
            return sorted(people)
        shut, policy = look.shut(), look.policy.site.id
        found = []
        for person, user in look.users_of(people).items():
            ours = user.enabled or (user.disabled_by is not None and user.disabled_by.policy == policy)
            if ours and user.provider not in shut:
                found.append(person)
        return sorted(found)

    def _ask(self, offline: Offline | None, due: Collection[OfflineAccess]) -> _Answers:
        """Ask about all of them, a few at a time; about each with one refresh token, and once."""
        answers = _Answers()
        if offline is None:
            return answers

        def ask(access: OfflineAccess, context: Context) -> None:
            if answers.failures[access.provider] >= MOST_FAILURES:
                answers.take(access, "unreachable")
            else:
                context.run(self._ask_one, offline, access, answers)

        with ThreadPoolExecutor(self.at_once) as pool:
            # What goes wrong in a thread goes wrong here; the request's id goes along with each.
            for asked in [pool.submit(ask, access, copy_context()) for access in due]:
                asked.result()
        return answers

    def _ask_one(self, offline: Offline, access: OfflineAccess, answers: _Answers) -> None:
        moment = self.removal.clock()
        try:
            answers.hear(access, moment, offline.ask(access, moment))
        except ConsentEnded:
            answers.take(access, "ended")
        except ConsentBusy:
            answers.take(access, "busy")
        except TokenRefused as refused:
            answers.take(access, "refused", refused.detail)
        except _SILENT as silent:
            answers.take(access, "unreachable", silent.detail, failed=True)

    def _act(
        self,
        look: Look,
        answers: _Answers,
        now: datetime,
        consented: int,
        unreadable: int,
        accepted: Collection[str],
        progress: Progress,
    ) -> tuple[Revoked | None, str]:
        store = self.removal.logins()
        recalled = store.recall(now) if store else Recalled()
        # The newest of each counts, wherever it is from; those of this run are known also where none is kept.
        logins = [*recalled.logins, *answers.logins.values()]
        ready = look.users_of(answers.tokens)
        moment = self.removal.clock()
        tokens = {user.id: answers.tokens[person] for person, user in ready.items()}
        done: dict[Step, Result] = {}

        def noted(step: Step, result: Result) -> None:
            done[step] = result
            progress(step, result)

        removal = None
        try:
            removal = look.removal(
                logins,
                moment,
                self.removal.pace,
                self.removal.limits,
                ready,
                consented=consented,
                unreadable=recalled.unreadable + unreadable,
            )
            return self.removal.act(Reviewed(removal, look), moment, accepted, tokens, noted), ""
        except KeystoneUnreachable as exc:
            if removal is None:
                return None, exc.detail
            results = tuple((step, done.get(step, Result("not-tried"))) for step in removal.steps)
            return Revoked(removal, results), exc.detail


def _mixed(people: Collection[Person], now: datetime) -> list[Person]:
    """In another order each run: whom nobody can ask about must not always stand before the same others."""
    return sorted(people, key=lambda person: hashlib.sha256(f"{now.isoformat()} {person}".encode()).digest())


def _settled(answers: _Answers, look: Look, revoked: Revoked) -> Mapping[Person, datetime]:
    """Those whose answers left nothing to do: of everybody else the next run asks again."""
    waiting = {step.user for step, _ in revoked.undone} | {step.user for step in revoked.held}
    users = look.users_of(answers.logins)
    return {
        person: login.at
        for person, login in answers.logins.items()
        if person not in users or users[person].id not in waiting
    }
