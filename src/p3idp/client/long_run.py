"""One run of a command with an application credential of its own. Owns that nothing is left of it afterwards.

A note of each run lies beside the cache before its credential is made, and is locked while the run or anything that it
started lives. So a run that was killed is known by a note that nobody holds: the next one ends its credential.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.credential_values import RUN_PREFIX, MadeCredential, Wish
from p3idp.client.env import new_token, now, uninterrupted
from p3idp.client.own_credentials import OwnCredentials
from p3idp.errors import P3idpError
from p3idp.errors.sign_in import CacheNotWritten

try:
    import fcntl
except ImportError:  # Windows: there a note counts until its credential's end
    fcntl = None  # type: ignore[assignment]  # looked at before each use

RENEWAL = timedelta(minutes=30)
_LOCK = "run"
_NOTE = "run-{}.note"


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down of a run: where its credential is, its name, and when it ends by itself."""

    file: Path
    place: str
    credential: str
    ends_at: datetime


class LongRun:
    """Runs at one cloud. ``come`` goes to its Keystone as whoever is signed in, and is told whether it may ask them to
    sign in; ``tell`` takes words for people.
    """

    def __init__(
        self,
        files: PrivateFiles,
        come: Callable[[bool], OwnCredentials],
        tell: Callable[[str], None],
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._files, self._come, self._tell, self._clock = files, come, tell, clock

    def run(self, project: str, span: timedelta, work: Callable[[MadeCredential, int], int]) -> int:
        """Call ``work`` with a credential that ends after ``span``, or with the work; the status that it returns.

        The number handed on is the note's handle, which a child should hold open. Raises as OwnCredentials.create does.
        """
        keystone = self._come(True)
        reached = keystone.keystone.project(project)
        self._end_left_ones(keystone)
        wish = Wish(f"{RUN_PREFIX}{new_token()[:16]}", (self._clock() + span).replace(microsecond=0),
                    description="One run of `p3idp exec --long`")  # fmt: skip
        with _noted(self._files, self._place(keystone), wish) as (note, handle):
            try:
                return work(keystone.create(reached, wish), handle)
            finally:
                with uninterrupted():
                    self._end(note)

    def renew(self) -> None:
        """Sign in at Keystone once more, so that group memberships do not lapse during the run; silence is no harm.

        Nobody is asked: the terminal is the command's.
        """
        with contextlib.suppress(P3idpError, OSError):
            self._come(False)

    def _end(self, note: Note) -> None:
        """End this run's credential. Where that is not possible now, its note stays for the next run."""
        try:
            _end_named(self._come(True), {note.credential})
        except P3idpError as error:
            self._tell(
                f"The application credential {note.credential} could not be ended: {error.detail} It ends by itself at "
                f"{note.ends_at:%Y-%m-%d %H:%M} UTC; the next `p3idp exec --long` tries again."
            )
            return
        note.file.unlink(missing_ok=True)

    def _end_left_ones(self, keystone: OwnCredentials) -> None:
        """End what killed runs left, and what is over: Keystone keeps those until somebody deletes them."""
        moment, place = self._clock(), self._place(keystone)
        with self._files.alone(_LOCK, 60):
            left = _left(self._files.directory, moment)
        with contextlib.suppress(P3idpError):  # only tidying: what is asked for does not fail by it
            over = {each.name for each in keystone.listed() if each.is_over(moment)}
            _end_named(keystone, {note.credential for note in left} | over)
            for note in left:
                if note.place == place or note.ends_at <= moment:
                    note.file.unlink(missing_ok=True)

    def _place(self, keystone: OwnCredentials) -> str:
        """Whose credentials, and where: a note of somebody else is not ours to act on."""
        return f"{keystone.keystone.url} {keystone.keystone.log_in().id}"


def _end_named(keystone: OwnCredentials, names: set[str]) -> None:
    for each in keystone.listed():
        if each.name in names and each.name.startswith(RUN_PREFIX):
            keystone.end(each)


@contextmanager
def _noted(files: PrivateFiles, place: str, wish: Wish) -> Iterator[tuple[Note, int]]:
    """Write the note down and hold it. It stays where the credential could not be ended. Raises CacheNotWritten."""
    file = files.directory / _NOTE.format(wish.name.removeprefix(RUN_PREFIX))
    body = {"place": place, "credential": wish.name, "ends_at": wish.ends_at.isoformat()}
    with files.alone(_LOCK, 60):  # nobody looks at a note that is not held yet
        handle = _held(file, json.dumps(body).encode())
    try:
        yield Note(file, place, wish.name, wish.ends_at), handle
    finally:
        os.close(handle)


def _held(file: Path, data: bytes) -> int:
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _lock(handle)
            if os.write(handle, data) != len(data):
                raise OSError(0, "no room")
        except OSError:
            os.close(handle)
            file.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise CacheNotWritten(f"Nothing can be kept in {file.parent}: {exc.strerror}.") from exc
    return handle


def _lock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _left(directory: Path, moment: datetime) -> list[Note]:
    """The notes that nobody holds, or whose credentials are over; one that cannot be read is nothing."""
    notes = [_read(file, moment) for file in sorted(directory.glob(_NOTE.format("*")))]
    return [note for note in notes if note is not None]


def _read(file: Path, moment: datetime) -> Note | None:
    try:
        handle = os.open(file, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # its run ended it this moment
        return None
    try:
        body: Any = json.loads(os.read(handle, 4096))
        note = Note(file, str(body["place"]), str(body["credential"]), datetime.fromisoformat(body["ends_at"]))
        if fcntl is None and moment < note.ends_at:
            return None
        _lock(handle)
    except BlockingIOError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        file.unlink(missing_ok=True)
        return None
    finally:
        os.close(handle)
    return note
