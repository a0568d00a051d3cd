"""Check what is kept here of sign-ins: whose it is, whether it can be read and written. Changes nothing."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from p3idp.client.cache.entries import FORM
from p3idp.client.cache.files import PrivateFiles
from p3idp.client.cache.seal import KeyringSeal, NoSeal, kept_key
from p3idp.client.doctor.words import bad, odd, well
from p3idp.core.site.findings import Finding
from p3idp.errors import P3idpError

_MEGABYTE = 1024 * 1024
_ASIDE, _AGAIN = "it is set aside when it is needed", "Sign in again: p3idp login"
_LITTLE, _SCARCE = _MEGABYTE, 32 * _MEGABYTE


def examine_kept(files: PrivateFiles) -> Iterator[Finding]:
    """The directory, its files, the room for more, who is at work there, and the keyring."""
    try:
        names = files.names()
    except P3idpError as error:
        yield bad("cache-directory", str(files.directory), error.detail, error.hint)
        return
    except OSError as exc:
        yield bad("cache-directory", str(files.directory), f"It cannot be looked at: {exc.strerror}.")
        return
    yield _directory(files.directory)
    yield from _files(files, names)
    yield _room(files.directory)
    yield _locks(files.directory)
    yield _keyring(files, names)


def _directory(directory: Path) -> Finding:
    there = _nearest(directory)
    if not os.access(there, os.W_OK | os.X_OK):
        return bad("cache-directory", str(directory), f"Nothing can be written in {there}.")
    found = "It is yours alone." if directory.exists() else "It is made at the first sign-in."
    return well("cache-directory", str(directory), found)


def _files(files: PrivateFiles, names: list[str]) -> Iterator[Finding]:
    wrong = False
    for name in names:
        finding = _file(files, name)
        wrong = wrong or finding is not None
        if finding is not None:
            yield finding
    # What begins with a dot is half-written, or of a command that was killed: the next one clears it away.
    rest = (found.name for found in files.directory.glob("*.json.*"))
    aside = sorted(name for name in rest if not name.endswith((".lock", ".failed")) and not name.startswith("."))
    if aside:
        told = f"{len(aside)} of another version, or unreadable, were set aside: {', '.join(aside[:3])}"
        yield odd("cache-files", str(files.directory), told, "Remove them, if you do not go back to that version.")
    if not wrong:
        yield well("cache-files", str(files.directory), f"{len(names)} files are yours alone and of this version.")


def _file(files: PrivateFiles, name: str) -> Finding | None:
    path = str(files.directory / name)
    try:
        data = files.read(name)
    except P3idpError as error:
        return bad("cache-files", path, error.detail, error.hint)
    try:
        form = json.loads(data or b"{}")["form"]
    except (ValueError, KeyError, TypeError):
        return odd("cache-files", path, f"It is damaged; {_ASIDE}.", _AGAIN)
    if form != FORM:
        return odd("cache-files", path, f"It is of another version of p3idp (form {form!r}); {_ASIDE}.", _AGAIN)
    return None


def _room(directory: Path) -> Finding:
    there = _nearest(directory)
    free = shutil.disk_usage(there).free
    told = f"{free / _MEGABYTE:.0f} MiB are free."
    if free < _LITTLE:
        return bad("cache-room", str(there), told)
    return odd("cache-room", str(there), told) if free < _SCARCE else well("cache-room", str(there), told)


def _locks(directory: Path) -> Finding:
    held = [file.name for file in sorted(directory.glob("*.lock")) if _is_held(file)]
    if held:
        return odd("cache-locks", str(directory), f"Another p3idp is at work: {', '.join(held)}")
    return well("cache-locks", str(directory), "No other p3idp is at work.")


def _is_held(file: Path) -> bool:
    """A lock ends with its process, so a file that nobody holds means nothing."""
    lock = FileLock(file, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _keyring(files: PrivateFiles, names: list[str]) -> Finding:
    sealed = [name for name in names if _seal(files, name) == KeyringSeal.name]
    name, key = kept_key(files.directory)
    subject = name or "no keyring"
    if sealed and key is None:
        return bad("keyring", subject, f"{len(sealed)} files are encrypted, and their key is not to be had here.")
    if name is None:
        return well("keyring", subject, f"Sign-ins are kept {NoSeal.place}.")
    return well("keyring", subject, "It holds the key." if key else "It is used at the first sign-in.")


def _seal(files: PrivateFiles, name: str) -> object:
    try:
        return json.loads(files.read(name) or b"{}").get("seal")
    except (P3idpError, ValueError, AttributeError):
        return None


def _nearest(directory: Path) -> Path:
    """The directory, or what is there of the way to it."""
    return next(each for each in (directory, *directory.parents) if each.exists())
