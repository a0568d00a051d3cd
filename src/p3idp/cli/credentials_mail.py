"""Notices as mail for the site's own mailer (RFC 5322). Owns the headers, and that no file is ever half there.

p3idp sends nothing itself. Where Keystone knows no address, the message says whose it is and the site's mailer looks it
up.
"""

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from p3idp.core.credentials.notice import Notice
from p3idp.core.policy.quoted import harmless


def address_of(text: str) -> Address | None:
    """The text as one mail address; None where it is none."""
    try:
        found = Address(addr_spec=text)
    except (ValueError, IndexError):
        return None
    return found if found.domain and text.isprintable() else None


def message_of(notice: Notice, sender: Address, now: datetime) -> EmailMessage:
    """One message, with everything but a recipient where none is known."""
    made = EmailMessage(policy.SMTP)
    made["From"] = sender
    recipient = address_of(notice.owner.email)
    if recipient:
        made["To"] = recipient
    made["Subject"] = notice.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{_digest(notice)}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    made["X-P3idp-Subject"] = harmless(notice.owner.name, 255)
    made["X-P3idp-Identity-Provider"] = harmless(notice.owner.provider, 255)
    made.set_content(notice.text)
    return made


def write_messages(notices: Iterable[Notice], sender: Address, directory: Path, now: datetime) -> list[Path]:
    """Each message in a file of its own that its owner alone can read. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [_write(directory / f"{_digest(each)}.eml", bytes(message_of(each, sender, now))) for each in notices]


def _write(file: Path, content: bytes) -> Path:
    aside = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(file)  # a mailer that looks into the directory sees whole messages only
    return file


def _digest(notice: Notice) -> str:
    """One name for one notice: told again by a run that was interrupted, it is the same message."""
    return hashlib.sha256(f"{notice.owner.id}\n{notice.subject}\n{notice.text}".encode()).hexdigest()[:32]
