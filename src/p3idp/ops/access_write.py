"""Write one batch of changes and read it back. Owns what counts as done."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass

from p3idp.core.access.plan import Change, satisfied
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneConflict
from p3idp.ops.access_ledger import Result
from p3idp.ports.keystone import FederationReader, FederationWriter

Progress = Callable[[Change, Result], None]


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes batches into one domain. ``results``: what became of each change; ``shown``: each list as read back."""

    domain: str
    reader: FederationReader
    writer: FederationWriter
    progress: Progress
    results: MutableMapping[Change, Result]
    shown: MutableMapping[Kind, Snapshot]

    def write(self, batch: Sequence[Change]) -> None:
        """Write every change of the batch, then list once and keep in ``results`` what is really so.

        A refusal of one change is kept and the others are tried; where Keystone itself is gone, its error goes up.
        """
        refused: dict[Change, P3idpError] = {}
        self.shown.pop(batch[0].resource.kind, None)  # what was read before is true no longer
        for change in batch:
            self.results[change] = Result("unknown", "written, not read back")
            try:
                self.writer.write(change)
            except KeystoneConflict as exc:
                refused[change] = exc
            except P3idpError as exc:
                self.results[change] = Result("failed", exc.detail)
                # An error may come after the act. Only what Keystone shows tells.
                if not (exc.temporary and self._stands(change)):
                    raise
            self.progress(change, self.results[change])
        kind = batch[0].resource.kind
        shown = self.shown[kind] = self.reader.read(self.domain, frozenset({kind}))
        right = _right(batch, shown)
        for change in batch:
            why = refused[change].detail if change in refused else "Keystone took it, but does not show it."
            self.results[change] = Result("done") if change in right else Result("failed", why)

    def _stands(self, change: Change) -> bool:
        try:
            shown = self.reader.read(self.domain, frozenset({change.resource.kind}))
        except P3idpError:
            return False
        return change in _right([change], shown)

    @property
    def unread(self) -> frozenset[Kind]:
        """The kinds that were written and whose list was not read since."""
        tried = {change.resource.kind for change, result in self.results.items() if result.word != "not-tried"}
        return frozenset(tried - self.shown.keys())


def _right(batch: Sequence[Change], shown: Snapshot) -> frozenset[Change]:
    """The changes that have come true."""
    present = shown.of(batch[0].resource.kind)
    found = []
    for change in batch:
        there = present.get(change.resource.key)
        # What a list that was cut short does not show may still be there.
        gone = there is None and shown.complete
        if gone if change.after is None else satisfied(change.after, there):
            found.append(change)
    return frozenset(found)
