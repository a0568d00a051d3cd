"""One run at Keystone: write down the intent, act batch by batch, write down what came of it.

Owns the order of these steps, and what to do next where a run ends half-way. Writing a batch is access_write.py's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from p3idp.core.access.history import Begun, after_reading, managed, place_of
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.errors import P3idpError
from p3idp.errors.access import ApplyIncomplete, LockLost
from p3idp.ops.access_history import AccessHistory
from p3idp.ops.access_ledger import AccessRecord, Intent, Result
from p3idp.ops.access_plan import Planned
from p3idp.ops.access_refusals import incomplete, next_steps
from p3idp.ops.access_write import BatchWriter, Progress
from p3idp.ports.keystone import FederationReader, FederationWriter


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one plan. ``workers``: how many changes of a batch are under way at once."""

    planned: Planned
    record: AccessRecord
    reader: FederationReader
    writer: FederationWriter
    progress: Progress
    workers: int = 1
    results: dict[Change, Result] = field(default_factory=dict)
    shown: dict[Kind, Snapshot] = field(default_factory=dict)

    def act(self, accepted: Sequence[str], now: datetime) -> tuple[int, Mapping[Change, Result]]:
        """The run's number, and what became of each change: all is done.

        Raises ApplyIncomplete where it is not, LockLost, and what goes wrong at Keystone: each says what to do next.
        """
        self.results.update(dict.fromkeys(self.planned.plan.changes, Result("not-tried")))
        intent = self.record.intend(self.planned.plan, _begun(self.planned), accepted, now)
        try:
            self._write(intent)
            if any(result.word != "done" for result in self.results.values()):
                raise incomplete(self.results)
        except LockLost:
            raise  # the other run goes on from here
        except P3idpError as exc:
            exc.hint = " ".join(filter(None, (exc.hint, self._next(intent))))
            raise
        except KeyboardInterrupt as exc:
            told = "Stopped by hand. What was under way has ended, and what was done is in the ledger."
            raise ApplyIncomplete(told, hint=self._next(intent)) from exc
        return intent.number, self.results

    def _write(self, intent: Intent) -> None:
        domain = self.planned.policy.site.domain
        batches = BatchWriter(
            domain, self.reader, self.writer, self.progress, self.results, self.shown, workers=self.workers
        )
        try:
            for batch in self.planned.plan.batches():
                self._refuse_overtaken(intent)
                batches.write(batch)
                # What follows needs what went before; and nothing is taken away where a grant is missing.
                if any(self.results[change].word != "done" for change in batch):
                    break
        finally:
            left = _managed(self.planned, after_reading(self.planned.observed, self.shown, batches.unread))
            self.record.conclude(intent, self.planned.plan, self.results, left)

    def _refuse_overtaken(self, intent: Intent) -> None:
        """Whoever begins after this run closes its intent first, so that is how a run learns that its lock is gone.

        It holds for every driver of locks; few of them can be asked.
        """
        if self.record.is_closed(intent):
            raise LockLost("Another run began at this Keystone while this one was at work, so this one has stopped.")

    def _next(self, intent: Intent) -> str:
        past = AccessHistory(self.record.history, self.record.ledger)
        return next_steps(self.planned.plan, past.first_since_good(intent.number))


def _begun(planned: Planned) -> Begun:
    plan, policy = planned.plan, planned.policy
    found = _managed(planned, planned.observed)
    return Begun(
        policy=plan.policy,
        policy_digest=policy.digest,
        target=plan.target,
        domain=policy.site.domain,
        plan=plan.digest,
        found=found,
        wanted=plan.changes,
        files=policy.texts,
        rollback_to=plan.rollback_to,
        environment=policy.environment,
        commit=planned.provenance.commit,
    )


def _managed(planned: Planned, snapshot: Snapshot) -> Snapshot:
    places = {place_of(resource) for resource in planned.desired.resources}
    return managed(snapshot, planned.desired.owner, places)
