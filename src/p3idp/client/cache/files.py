"""Files that their owner alone can read, from their first byte on. Owns rights, whole replacement, room, and locks."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from p3idp.client.env import new_token
from p3idp.errors.client import SignInNeeded
from p3idp.errors.sign_in import CacheNotWritten, CacheUnfit

_ROOM = 64 * 1024  # bytes; more than an entry ever takes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_FOLLOW, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)  # Windows has neither


class PrivateFiles:
    """Small files in one directory of the user's own. Names are ours and plain. Every method may raise CacheUnfit."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, name: str) -> bytes | None:
        """The file's bytes, or None where there is none."""
        try:
            self._check_directory()
            handle = os.open(self.directory / name, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise CacheUnfit(f"{self.directory / name} cannot be read: {exc.strerror}.") from exc
        try:
            _check(os.fstat(handle), self.directory / name, stat.S_ISREG)
            return os.read(handle, 4 * _ROOM)
        finally:
            os.close(handle)

    def write(self, name: str, data: bytes) -> None:
        """Put the file there whole, or leave what was. Raises CacheNotWritten."""
        with self.room(name) as keep:
            keep(data)

    @contextmanager
    def room(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Take room on the disk first, then hand out what fills it and puts the file in its place.

        So a full disk is met before a refresh token is used up, and not after. Callers are ``alone``. Raises
        CacheNotWritten.
        """
        for left in self.directory.glob(f".{name}.*"):  # of a process that was killed
            left.unlink(missing_ok=True)
        temporary = self.directory / f".{name}.{new_token()[:16]}"
        handle = self._new(temporary)
        try:
            self._fill(handle, b"\0" * _ROOM, temporary)

            def keep(data: bytes) -> None:
                self._fill(handle, data, temporary)
                self._place(temporary, self.directory / name)

            yield keep
        finally:
            os.close(handle)
            temporary.unlink(missing_ok=True)

    def remove(self, name: str) -> bool:
        """Take the file away; whether there was one."""
        try:
            (self.directory / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def set_aside(self, name: str, ending: str) -> Path:
        """Keep the file under another name, for whoever can read it."""
        aside = self.directory / f"{name}.{ending}"
        (self.directory / name).replace(aside)
        return aside

    def names(self) -> list[str]:
        """The files that are there, sorted; half-written ones and locks are none."""
        try:
            self._check_directory()
        except FileNotFoundError:
            return []
        return sorted(found.name for found in self.directory.glob("*.json") if not found.name.startswith("."))

    @contextmanager
    def alone(self, name: str, seconds: float, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """One process at a time; the others wait, and after a second say so. Raises SignInNeeded after ``seconds``."""
        from filelock import FileLock, Timeout  # whoever finds what it needs waits for nobody, and not for this

        self._make()
        lock = FileLock(self.directory / f"{name}.lock", mode=0o600)
        try:
            try:
                lock.acquire(timeout=1)
            except Timeout:
                if waiting is not None:
                    waiting()
                lock.acquire(timeout=seconds)
        except Timeout as exc:
            raise SignInNeeded(
                "Another p3idp is at work here and does not come to an end.", hint="Stop it, or try again."
            ) from exc
        except OSError as exc:
            raise self._full(exc) from exc
        try:
            yield
        finally:
            lock.release()

    def _new(self, file: Path) -> int:
        self._make()
        try:
            return os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        except OSError as exc:
            raise self._full(exc) from exc

    def _fill(self, handle: int, data: bytes, file: Path) -> None:
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.ftruncate(handle, len(data))
            os.fsync(handle)
        except OSError as exc:
            raise self._full(exc) from exc

    def _place(self, temporary: Path, target: Path) -> None:
        try:
            temporary.replace(target)
        except OSError as exc:
            raise self._full(exc) from exc

    def _make(self) -> None:
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as exc:
            raise self._full(exc) from exc
        self._check_directory()

    def _check_directory(self) -> None:
        _check(os.lstat(self.directory), self.directory, stat.S_ISDIR)

    def _full(self, exc: OSError) -> CacheNotWritten:
        return CacheNotWritten(f"Nothing can be kept in {self.directory}: {exc.strerror}.")


def _check(found: os.stat_result, path: Path, is_right_kind: Callable[[int], bool]) -> None:
    """Refuse what is not ours alone: who can write here could plant a token, who can read could take one."""
    if not is_right_kind(found.st_mode):
        raise CacheUnfit(f"{path} is not what p3idp keeps there.", hint="Look at it, and remove it.")
    if not hasattr(os, "geteuid"):  # Windows keeps a user's own directories to that user
        return
    if found.st_uid != os.geteuid():
        raise CacheUnfit(f"{path} belongs to somebody else.", hint=f"Give it back to yourself: chown $USER {path}")
    if found.st_mode & _OTHERS:
        right = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise CacheUnfit(f"{path} is open to others on this machine.", hint=f"Close it: chmod {right} {path}")
