"""Keep a Keystone token fresh for a program at work. Owns when the next one is made, and by which thread.

In the second half of a token's life (of a long one, in the last quarter of an hour) a thread makes the next one while
the old one still serves: no request waits for it. A request starts the thread, and it ends with its one token, so a
program that stops asking stops renewing.
"""

import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from keystoneauth1 import access, exceptions, session
from keystoneauth1.identity.v3 import base

from p3idp.client.env import now
from p3idp.errors.client import SignInNeeded

_AHEAD = timedelta(minutes=15)
_NEEDED = timedelta(minutes=2)  # as keystoneauth: a service may look at a token again while it works
_SPARE = timedelta(seconds=5)  # a request takes time, and clocks differ
_PAUSE = timedelta(seconds=30)  # between attempts that came to nothing
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_ALL: "weakref.WeakSet[Renewing]" = weakref.WeakSet()


class _Times(NamedTuple):
    """When a token is renewed beside the work, when before it, when it serves no more; all of them before its end."""

    ahead: datetime
    needed: datetime
    over: datetime
    pause: timedelta


class Renewing(base.BaseAuth):
    """A plugin whose tokens are renewed ahead. A token serves to its end where no other is to be had."""

    _lock: threading.Lock
    _thread: threading.Thread | None
    _failed: Exception | None
    _try_at: datetime

    def __init__(
        self, auth_url: str, *, project_id: str | None, project_name: str | None, project_domain_name: str | None
    ) -> None:
        super().__init__(
            auth_url, project_id=project_id, project_name=project_name, project_domain_name=project_domain_name
        )
        self._begin_anew()
        _ALL.add(self)

    @abstractmethod
    def obtain(self, session: session.Session, old: access.AccessInfo | None, *, ask: bool) -> access.AccessInfo:
        """Another token, which should outlive ``old``; ``old`` itself where none can. ``ask``: the person, if need be.

        Raises keystoneauth's AuthorizationFailure or ConnectFailure, in the context of the error of ours.
        """

    def get_access(self, session: session.Session, **_: Any) -> access.AccessInfo:
        """A token to work with now; the next one is made meanwhile where this one gets old."""
        ref, moment = self.auth_ref, now()
        if ref is None or moment >= _times(ref).needed:
            return self._in_turn(session)
        if moment >= _times(ref).ahead:
            self._renew_ahead(session, ref)
        return ref

    def get_auth_ref(self, session: session.Session, **_: Any) -> access.AccessInfo:
        """Another token now. It is kept: openstackclient asks here first, and then asks for a token to work with."""
        with self._lock:
            self.auth_ref = self.obtain(session, None, ask=True)
            return self.auth_ref

    def _in_turn(self, session: session.Session) -> access.AccessInfo:
        """One thread makes the token, the others take it."""
        thread = self._thread
        if thread is not None:
            thread.join()
        with self._lock:
            ref, moment = self.auth_ref, now()
            if ref is not None and moment >= _times(ref).over:
                ref = None
            if ref is not None and (moment < _times(ref).needed or moment < self._try_at):
                return ref
            try:
                self.auth_ref = found = self.obtain(session, ref, ask=True)
            except exceptions.ClientException as exc:
                if ref is None:
                    raise self._reason(exc) from None
                self._failed, found = exc, ref
            self._try_at = now() + _times(found).pause
            return found

    def _renew_ahead(self, session: session.Session, old: access.AccessInfo) -> None:
        """Start the thread unless one runs, or has just run for nothing."""
        if self._lock.acquire(blocking=False):  # else somebody makes a token this moment
            try:
                if self.auth_ref is old and self._thread is None and now() >= self._try_at:
                    self._thread = _started(self._renew, session, old)
            finally:
                self._lock.release()

    def _renew(self, session: session.Session, old: access.AccessInfo) -> None:
        found, failed = old, None
        try:
            found = self.obtain(session, old, ask=False)
        except Exception as exc:  # kept until a token is needed: the old one still serves
            failed = exc
        with self._lock:
            # A token that a service refused meanwhile does not come back, nor one that is newer go.
            if failed is None and found is not old and (self.auth_ref is old or self.auth_ref is None):
                self.auth_ref = found
            self._failed, self._try_at = failed, now() + _times(old).pause
            self._thread = None

    def _reason(self, exc: exceptions.ClientException) -> Exception:
        """Why there is no token: where a sign-in ended, only whoever met that first was told why."""
        kept, self._failed = self._failed, None
        ended = isinstance(exc.__context__, SignInNeeded) and kept is not None
        return kept if kept is not None and ended and isinstance(kept.__context__, SignInNeeded) else exc

    def _begin_anew(self) -> None:
        """Nothing is under way. In a child process too: threads and the locks they held stay with the parent."""
        self._lock, self._thread, self._failed, self._try_at = threading.Lock(), None, None, _LONG_AGO


def _times(ref: access.AccessInfo) -> _Times:
    end = ref.expires or now()
    life = max(end - (ref.issued or end), timedelta())
    return _Times(
        ahead=end - min(_AHEAD, life / 2),
        needed=end - min(_NEEDED, life / 4),
        over=end - min(_SPARE, life / 10),
        pause=min(_PAUSE, life / 20),
    )


def _started(work: Callable[..., None], *arguments: object) -> threading.Thread | None:
    """A daemon: whoever ends the program does not wait, but for a refresh on its way (env.uninterrupted)."""
    thread = threading.Thread(target=work, args=arguments, name="p3idp-renewal", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread is to be had, or Python is about to end
        return None
    return thread


def _after_fork() -> None:
    for plugin in list(_ALL):
        plugin._begin_anew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
