"""The lock between two processes, by tooz. Owns how its drivers are opened and how their failures are told."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from p3idp.core.secret import Secret
from p3idp.errors.access import CoordinationUnavailable

_log = logging.getLogger(__name__)


class CoordinatedLock:
    """Implements ports.history.RunLock. ``member`` names this process among others."""

    def __init__(self, url: str, member: str, password: Secret[str] | None = None) -> None:
        self._url, self._member, self._password = url, member.encode(), password

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Hold the lock while the block runs; False where another has it. Raises CoordinationUnavailable."""
        from tooz import ToozError, coordination

        try:
            # A driver whose locks expire needs its heart to beat while a long apply runs.
            coordinator = coordination.get_coordinator(self._full_url(), self._member)
            coordinator.start(start_heart=True)
        except Exception as exc:  # drivers raise what their libraries raise, and the URL may hold the password
            raise self._unavailable(exc) from None
        try:
            lock = coordinator.get_lock(name.encode())
            try:
                got = lock.acquire(blocking=False)
            except (ToozError, OSError) as exc:
                raise self._unavailable(exc) from None
            try:
                yield got
            finally:
                if got:
                    _let_go(lock.release)
        finally:
            _let_go(coordinator.stop)

    def _full_url(self) -> str:
        if self._password is None:
            return self._url
        scheme, _, rest = self._url.partition("://")
        user, at, host = rest.rpartition("@")
        return f"{scheme}://{user}:{quote(self._password.reveal(), safe='')}@{host if at else rest}"

    def _unavailable(self, exc: Exception) -> CoordinationUnavailable:
        scheme = self._url.partition("://")[0]
        why = type(exc).__name__
        if isinstance(exc, ModuleNotFoundError):
            why = f"needs the Python package {exc.name}"
        told = f"The lock between two processes cannot be had ({scheme}: {why})."
        return CoordinationUnavailable(told)


def _let_go(step: Callable[[], object]) -> None:
    """What was done under the lock is done; one that stays behind says so at the next run."""
    try:
        step()
    except Exception as exc:  # as above, its text may hold the password
        _log.warning("the lock between two processes could not be let go: %s", type(exc).__name__)


def file_lock(directory: Path, member: str) -> CoordinatedLock:
    """A lock among the processes of this host: files in a directory that only their owner may enter.

    Raises CoordinationUnavailable where it cannot be made, or where others could take the lock away.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        made, around = directory.lstat(), directory.parent.stat()
    except OSError as exc:
        told = f"The directory {directory} for the lock between two processes cannot be made: {exc.strerror}."
        raise CoordinationUnavailable(told) from exc
    ours = stat.S_ISDIR(made.st_mode) and made.st_uid in (os.geteuid(), around.st_uid)
    if not ours or made.st_mode & stat.S_IWOTH:
        told = f"In the directory {directory} others could take away the lock between two processes."
        raise CoordinationUnavailable(
            told, hint="Keep the database in a directory of p3idp's own, and remove this one."
        )
    if set("#?") & set(str(directory.resolve())):
        told = (
            f"The path {directory.resolve()} for the lock between two processes holds # or ?, and would be cut short."
        )
        raise CoordinationUnavailable(told, hint="Keep the database in a directory whose path holds neither.")
    return CoordinatedLock(f"file://{directory.resolve()}", member)
