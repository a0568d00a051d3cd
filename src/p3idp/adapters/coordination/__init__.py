"""The lock between two applies, by tooz. Owns how its drivers are opened and how their failures are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from p3idp.core.secret import Secret
from p3idp.errors.access import CoordinationUnavailable


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
                    lock.release()
        finally:
            coordinator.stop()

    def _full_url(self) -> str:
        if self._password is None:
            return self._url
        scheme, _, rest = self._url.partition("://")
        user, at, host = rest.rpartition("@")
        return f"{scheme}://{user}:{quote(self._password.reveal(), safe='')}@{host if at else rest}"

    def _unavailable(self, exc: Exception) -> CoordinationUnavailable:
        scheme = self._url.partition("://")[0]
        told = f"The lock between two applies cannot be had ({scheme}: {type(exc).__name__})."
        return CoordinationUnavailable(told)


def file_lock(directory: Path, member: str) -> CoordinatedLock:
    """A lock among the processes of this host: files in a directory that only their owner may enter."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        told = f"The directory {directory} for the lock between two applies cannot be made: {exc.strerror}."
        raise CoordinationUnavailable(told) from exc
    return CoordinatedLock(f"file://{directory.resolve()}", member)
