"""Encryption of what is kept, with a key that the user's keyring holds. Owns which keyrings count, and their key.

Where there is none, entries are plain text in files that only their owner can read; a command says so at sign-in.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from p3idp.errors import P3idpError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "p3idp"
# Backends that keep nothing, or keep it where anybody who reads our files reads it too.
_NO_KEYRING = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class SealBroken(Exception):
    """What is sealed cannot be opened here: another key, or none in this session."""


class Seal(Protocol):
    """How an entry's text is kept. ``name`` stands in the file, ``place`` is for people."""

    name: str
    place: str

    def close(self, text: str) -> str:
        """Make the text that is written."""
        ...

    def open(self, kept: str) -> str:
        """Read it again. Raises SealBroken."""
        ...


class NoSeal:
    """No encryption: the file's rights alone protect it."""

    name = "none"
    place = "unencrypted (there is no keyring here), in files that only you can read"

    def close(self, text: str) -> str:
        """The text itself."""
        return text

    def open(self, kept: str) -> str:
        """The text itself."""
        return kept


class KeyringSeal:
    """Encrypted (Fernet) with a key from the keyring."""

    name = "keyring"

    def __init__(self, key: bytes, keyring_name: str) -> None:
        from cryptography.fernet import Fernet

        self._fernet = Fernet(key)
        self.place = f"encrypted, with a key in your keyring ({keyring_name})"

    def close(self, text: str) -> str:
        """Encrypt."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, kept: str) -> str:
        """Decrypt. Raises SealBroken."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(kept.encode()).decode()
        except (InvalidToken, ValueError) as exc:
            raise SealBroken("sealed with another key") from exc


def find_seal(directory: Path, alone: Callable[[], AbstractContextManager[None]] = nullcontext) -> Seal:
    """The keyring's seal for this directory, made at first use; NoSeal where no keyring can be used.

    A keyring is other people's code on top of a session bus: whatever it raises means that there is none. A key is made
    ``alone``: two first uses at one time would make two, and one of them would be lost.
    """
    try:
        keyring = usable_keyring()
        if keyring is None:
            return NoSeal()
        key = keyring.get_password(_SERVICE, str(directory))
        if key is None:
            with alone():
                key = _new_key(keyring, str(directory))
        return KeyringSeal((key or "").encode("ascii"), keyring.name)
    except P3idpError:
        raise
    except Exception:  # see above
        return NoSeal()


def kept_key(directory: Path) -> tuple[str | None, str | None]:
    """The keyring's name and the key that it holds for this directory, each None where there is none. Makes none."""
    try:
        keyring = usable_keyring()
        return (None, None) if keyring is None else (keyring.name, keyring.get_password(_SERVICE, str(directory)))
    except Exception:  # as in find_seal
        return None, None


def _new_key(keyring: "KeyringBackend", directory: str) -> str | None:
    """The key that is there by now, or another."""
    from cryptography.fernet import Fernet

    if keyring.get_password(_SERVICE, directory) is None:
        keyring.set_password(_SERVICE, directory, Fernet.generate_key().decode("ascii"))
    return keyring.get_password(_SERVICE, directory)


def usable_keyring() -> "KeyringBackend | None":
    """The keyring that the user chose or has, unless it keeps nothing or keeps it in the open."""
    import keyring
    from keyring.backends.chainer import ChainerBackend

    chosen = keyring.get_keyring()
    found = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    return next((each for each in found if not type(each).__module__.startswith(_NO_KEYRING)), None)
