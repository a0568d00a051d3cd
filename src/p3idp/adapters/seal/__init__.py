"""The seal: Fernet (AES-CBC with HMAC) from `cryptography`, one key a purpose.

Owns how the cookie key becomes keys, so that what was sealed for one purpose never opens for another.
"""

import base64
import binascii
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p3idp.core.secret import Secret
from p3idp.errors.settings import SettingsInvalid

_FERNET_KEY_BYTES = 32


class FernetSeal:
    """Implements ports.sessions.Seal. The newest key (first in the file) seals; the others still open."""

    def __init__(self, keys: Secret[str], purpose: str) -> None:
        """``keys``: Fernet keys, one a line, newest first. Raises SettingsInvalid where one is not such a key."""
        self._fernet = MultiFernet([Fernet(_derive(key, purpose)) for key in keys.reveal().split() or [""]])

    def close(self, content: bytes, now: datetime) -> str:
        """Seal with the newest key."""
        return self._fernet.encrypt_at_time(content, int(now.timestamp())).decode("ascii")

    def open(self, sealed: str, now: datetime, max_age_seconds: int | None = None) -> bytes | None:
        """Unseal; None for anything that was not sealed here for this purpose, or is older than allowed."""
        try:
            if max_age_seconds is None:
                return self._fernet.decrypt(sealed.encode("ascii"))
            return self._fernet.decrypt_at_time(sealed.encode("ascii"), max_age_seconds, int(now.timestamp()))
        except (InvalidToken, UnicodeEncodeError):
            return None


def _derive(key: str, purpose: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _FERNET_KEY_BYTES:
        raise SettingsInvalid(
            "The key that web.cookie_key refers to is not a Fernet key (32 random bytes in URL-safe base64).",
            hint='Make one: python3 -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
        )
    derived = HKDF(SHA256(), _FERNET_KEY_BYTES, salt=None, info=f"p3idp {purpose}".encode()).derive(raw)
    return base64.urlsafe_b64encode(derived)
