"""The seal: Fernet (AES-CBC with HMAC) from `cryptography`, and keyed hashes (HMAC), one key a purpose.

Owns how a key of the settings becomes keys, so that what was sealed for one purpose never opens for another.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p3idp.core.secret import Secret
from p3idp.errors.settings import SettingsInvalid

_FERNET_KEY_BYTES = 32
COOKIE_KEY = "web.cookie_key"


class FernetSeal:
    """Implements ports.sessions.Seal. The newest key (first in the file) seals; the others still open."""

    def __init__(self, keys: Secret[str], purpose: str, setting: str = COOKIE_KEY) -> None:
        """``keys``: Fernet keys, one a line, newest first. Raises SettingsInvalid where one is not such a key.

        ``setting``: what refers to them, for that error.
        """
        self._fernet = MultiFernet([Fernet(key) for key in _derived(keys, purpose, setting)])

    def close(self, content: bytes, now: datetime) -> str:
        """Seal with the newest key."""
        return self._fernet.encrypt_at_time(content, int(now.timestamp())).decode("ascii")

    def open(self, sealed: str, now: datetime, max_age_seconds: int | None = None) -> bytes | None:
        """Unseal; None for anything that was not sealed here for this purpose, or is older than allowed."""
        try:
            token = sealed.encode("ascii")
            # Fernet's own decoding overlooks whatever follows the padding: a seal has one text.
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)) != token:
                return None
            if max_age_seconds is None:
                return self._fernet.decrypt(token)
            return self._fernet.decrypt_at_time(token, max_age_seconds, int(now.timestamp()))
        except (InvalidToken, UnicodeEncodeError, binascii.Error):
            return None


class KeyedHash:
    """Implements ports.logins.PersonHash: HMAC-SHA-256 of provider and subject under each key."""

    def __init__(self, keys: Secret[str], purpose: str, setting: str) -> None:
        """As FernetSeal."""
        self._keys = _derived(keys, purpose, setting)

    def __call__(self, provider: str, subject: str) -> Sequence[str]:
        """The hash under each key, the newest key's first."""
        text = json.dumps([provider, subject]).encode()  # one text for one pair: no two run into one another
        return [hmac.digest(key, text, "sha256").hex() for key in self._keys]


def _derived(keys: Secret[str], purpose: str, setting: str) -> Sequence[bytes]:
    return [_derive(key, purpose, setting) for key in keys.reveal().split() or [""]]


def _derive(key: str, purpose: str, setting: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _FERNET_KEY_BYTES:
        raise SettingsInvalid(
            f"The key that {setting} refers to is not a Fernet key (32 random bytes in URL-safe base64).",
            hint='Make one: python3 -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
        )
    derived = HKDF(SHA256(), _FERNET_KEY_BYTES, salt=None, info=f"p3idp {purpose}".encode()).derive(raw)
    return base64.urlsafe_b64encode(derived)
