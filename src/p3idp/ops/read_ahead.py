"""Read Keystone while the policy is still being read. Owns that what was read early is used once, or not at all.

Keystone takes longer over its lists than p3idp over everything else: a plan that waits for them only when the policy
has been read and compiled takes as long as both together.
"""

from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread

from p3idp.core.access.resources import Kind, Snapshot
from p3idp.ports.keystone import FederationReader

_EVERYTHING = frozenset(Kind)


class ReadAhead:
    """A FederationReader whose first reading, a whole one of ``domain``, has begun.

    Its failure is raised where the snapshot is asked for: what is wrong with the policy comes first, as ever. A daemon
    reads, so that nobody waits for Keystone once there is nothing to plan.
    """

    def __init__(self, reader: FederationReader, domain: str) -> None:
        self._reader, self._domain = reader, domain
        self._early: Future[Snapshot] | None = Future()
        Thread(target=copy_context().run, args=(self._begin, self._early), daemon=True).start()

    def read(self, domain: str, kinds: frozenset[Kind] = _EVERYTHING) -> Snapshot:
        """See ports.keystone.FederationReader."""
        early, self._early = self._early, None
        if early is None:
            return self._reader.read(domain, kinds)
        snapshot = early.result()
        return snapshot if (domain, kinds) == (self._domain, _EVERYTHING) else self._reader.read(domain, kinds)

    def target(self) -> str:
        """See ports.keystone.FederationReader."""
        return self._reader.target()

    def _begin(self, early: Future[Snapshot]) -> None:
        try:
            early.set_result(self._reader.read(self._domain))
        except BaseException as exc:  # whatever it is, it is raised where the snapshot is asked for
            early.set_exception(exc)
