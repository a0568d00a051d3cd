"""Write one batch of changes, several at once, and read it back. Owns what counts as done.

Changes of one batch are of one kind and direction, and none of them needs another (tests/core/test_access_order.py).
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event

from p3idp.core.access.plan import Change, came_true
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneConflict
from p3idp.ops.access_ledger import Result
from p3idp.ports.keystone import FederationReader, FederationWriter

Progress = Callable[[Change, Result], None]
# How often one batch goes on after an error that came after the act: a Keystone that always fails is not worked with.
TRIES = 5


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes batches into one domain. ``results``: what became of each change; ``shown``: each list as read back.

    ``workers``: how many changes are under way at once.
    """

    domain: str
    reader: FederationReader
    writer: FederationWriter
    progress: Progress
    results: MutableMapping[Change, Result]
    shown: MutableMapping[Kind, Snapshot]
    workers: int = 1

    def write(self, batch: Sequence[Change]) -> None:
        """Write every change of the batch, then list once and keep in ``results`` what is really so.

        A refusal of one change is kept and the others are tried. Where Keystone itself fails, what is under way ends,
        nothing new begins, and its error goes up, unless the list shows that it acted all the same.
        """
        for _ in range(TRIES):
            self.shown.pop(batch[0].resource.kind, None)  # what was read before is true no longer
            broken = self._send([change for change in batch if self.results[change].word == "not-tried"])
            self._judge(batch, broken)
            lasting = [e for change, e in broken.items() if self.results[change].word != "done" or not e.temporary]
            if lasting:
                raise lasting[0]
            if not broken:
                return
        raise next(iter(broken.values()))

    def _send(self, changes: Sequence[Change]) -> Mapping[Change, P3idpError]:
        """Send what is not sent yet; the errors for which it stopped, in the order of the changes."""
        broken: dict[Change, P3idpError] = {}
        stop = Event()
        with ThreadPoolExecutor(self.workers) as crew:
            try:
                # A thread of its own would not know the request's id.
                sent = [crew.submit(copy_context().run, self._try, change, stop, broken) for change in changes]
                for change, end in zip(changes, sent, strict=True):
                    end.result()
                    if self.results[change].word != "not-tried":
                        self.progress(change, self.results[change])
            finally:
                stop.set()  # stopped by hand, too: what is under way ends, nothing new begins
        return {change: broken[change] for change in changes if change in broken}

    def _try(self, change: Change, stop: Event, broken: MutableMapping[Change, P3idpError]) -> None:
        if stop.is_set():
            return
        self.results[change] = Result("unknown", "written, not read back")
        try:
            self.writer.write(change)
        except KeystoneConflict as exc:
            self.results[change] = Result("failed", exc.detail)
        except P3idpError as exc:
            stop.set()
            self.results[change], broken[change] = Result("failed", exc.detail), exc
        except BaseException:
            stop.set()
            raise

    def _judge(self, batch: Sequence[Change], broken: Mapping[Change, P3idpError]) -> None:
        kind = batch[0].resource.kind
        try:
            shown = self.shown[kind] = self.reader.read(self.domain, frozenset({kind}))
        except P3idpError as exc:
            raise next(iter(broken.values()), exc) from exc
        right = came_true(batch, shown)
        for change in batch:
            before = self.results[change]
            if before.word != "not-tried":
                why = before.detail if before.word == "failed" else "Keystone took it, but does not show it."
                self.results[change] = Result("done") if change in right else Result("failed", why)

    @property
    def unread(self) -> frozenset[Kind]:
        """The kinds that were written and whose list was not read since."""
        tried = {change.resource.kind for change, result in self.results.items() if result.word != "not-tried"}
        return frozenset(tried - self.shown.keys())
