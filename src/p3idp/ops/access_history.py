"""The history of applies, as far as it can be believed. Owns the check against the ledger, and what is kept of a run.

Each text's digest stands in the record that announced the run or closed it, and those records are chained: whoever
changes a snapshot in the database changes nothing that p3idp believes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from p3idp.core.access.guards import Guards
from p3idp.core.access.history import Baseline, Begun, Entry, baseline
from p3idp.core.access.history_text import begun_from_text, digest_of, snapshot_from_text
from p3idp.core.access.plan import Finding
from p3idp.core.audit.chain import LedgerRecord
from p3idp.errors import P3idpError
from p3idp.errors.access import LedgerDamaged
from p3idp.errors.history import ApplyUnknown, HistoryDamaged
from p3idp.ops.access_ledger import details_of, items_of
from p3idp.ops.audit import verify_ledger
from p3idp.ports.history import History, Kept
from p3idp.ports.ledger import LedgerReader


@dataclass(frozen=True, slots=True)
class Unbelieved:
    """An apply of which only the number is believed, and why."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class AccessHistory:
    """Reads entries, each held against the ledger. ``target``: the Keystone whose applies are listed; empty: all."""

    history: History
    ledger: LedgerReader
    target: str = ""

    def entry(self, number: int) -> Entry:
        """One apply. Raises ApplyUnknown, HistoryDamaged, LedgerDamaged."""
        kept = self.history.entry(number)
        if kept is None:
            raise ApplyUnknown(f"The history holds no apply {number}.")
        return self._believed(kept)

    def entry_in_whole_ledger(self, number: int) -> Entry:
        """The same, and the whole chain that names it is proven first: what is gone back to must be beyond doubt."""
        entry = self.entry(number)
        verify_ledger(self.ledger)
        return entry

    def latest(self, limit: int) -> Sequence[Entry | Unbelieved]:
        """The newest applies, newest first; of one that was changed since, that it was."""
        return [self._shown(kept) for kept in self.history.latest(limit, self.target)]

    def _shown(self, kept: Kept) -> Entry | Unbelieved:
        try:
            return self._believed(kept)
        except (HistoryDamaged, LedgerDamaged) as exc:
            return Unbelieved(kept.number, exc.detail)

    def newest(self, target: str, policy: str) -> Entry | None:
        """The last apply of a policy to a Keystone. Raises HistoryDamaged, LedgerDamaged."""
        return next((self._believed(kept) for kept in self.history.latest(1, target, policy)), None)

    def first_since_good(self, number: int) -> int:
        """Of the applies up to this one, to the same Keystone, the first after the newest that ended well."""
        first = number
        for entry in self._up_to(number):
            if entry.good:
                break
            first = entry.number
        return first

    def good_before(self, number: int) -> Entry | None:
        """The newest apply before this one, to the same Keystone, that ended well: by its policy was what it found."""
        return next((entry for entry in self._up_to(number - 1, number) if entry.good), None)

    def _up_to(self, last: int, like: int = 0) -> Iterator[Entry]:
        """Entries of the same Keystone and policy, newest first. Raises HistoryDamaged, LedgerDamaged."""
        begun = self.entry(like or last).begun
        seen, limit = 0, 4
        while seen < limit:  # a few at a time: each holds a whole policy, and almost always the first ones tell
            found = self.history.latest(limit, begun.target, begun.policy)[seen:]
            yield from (self._believed(kept) for kept in found if kept.number <= last)
            seen, limit = seen + len(found), limit * 4 if seen + len(found) == limit else 0

    def known(self, target: str, policy: str) -> "Known":
        """What the last apply says of the present; where it cannot be believed, a finding that says so."""
        try:
            newest = self.newest(target, policy)
            first = self.first_since_good(newest.number) if newest and not newest.good else None
        except (HistoryDamaged, LedgerDamaged) as exc:
            told = f"{exc.detail} So p3idp cannot tell what was changed directly in Keystone."
            return Known(None, None, (Finding("history-damaged", "history", told),))
        return Known(newest, baseline(newest) if newest else None, unfinished=first)

    def _believed(self, kept: Kept) -> Entry:
        intent = self.ledger.record(kept.intent)
        announced = details_of(intent) if intent else {}
        if intent is None or announced.get("begun") != digest_of(kept.begun):
            raise HistoryDamaged(f"What the history holds of apply {kept.number} was changed after it was kept.")
        closing = self.ledger.closing(kept.intent)
        left = details_of(closing).get("left", "") if closing else ""
        if left and left != digest_of(kept.left):
            raise HistoryDamaged(f"What the history says that apply {kept.number} left was changed after it was kept.")
        try:
            begun: Begun = begun_from_text(kept.begun)
            shown = snapshot_from_text(kept.left) if left else None
        except (ValueError, KeyError, TypeError) as exc:
            told = f"Apply {kept.number} was kept in a form that this version of p3idp does not read."
            raise HistoryDamaged(told, hint="Use the version that made it, or another apply.") from exc
        body: Any = intent.body
        at, account = datetime.fromisoformat(body["eventTime"]), str(body["initiator"]["id"])
        accepted = tuple(announced.get("accepted", ()))
        decided = {name: announced[name] for name in ("proposal", "proposer", "approver") if name in announced}
        return Entry(kept.number, kept.intent, at, account, begun, shown, _outcome(closing), accepted, decided)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the last apply, and what is to be said where it cannot be believed.

    ``guards``: who approves of what one person must not decide, by the policy that was applied last. ``unfinished``:
    where that apply did not end well, the first that did not since the last good one.
    """

    newest: Entry | None = None
    baseline: Baseline | None = None
    findings: tuple[Finding, ...] = ()
    guards: Guards = field(default_factory=Guards)
    unfinished: int | None = None


def unreadable(error: P3idpError) -> Known:
    """Nothing is known of the last apply, since the database cannot be read here."""
    told = (
        f"{error.detail} So p3idp cannot tell what was changed directly in Keystone, and this digest holds here only."
    )
    return Known(None, None, (Finding("history-unavailable", "history", told),))


def _outcome(closing: LedgerRecord | None) -> str:
    """How it ended. A killed run whose every change a later one found made has done what it meant to do."""
    if closing is None:
        return "running"
    word = str(closing.body["outcome"])
    if word != "unknown":
        return word
    items: Sequence[Mapping[str, Any]] = items_of(closing)
    return "success" if items and all(each.get("result") == "done" for each in items) else "interrupted"
