"""The mark on a user that p3idp disabled. Owns its text, so that nobody else's disabling is ever taken back.

It is an attribute of Keystone's own user: Keystone keeps it through federated logins, shows it in every list, and
forgets it with the user.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from p3idp.core.access.resources import mark as owner_mark

ATTRIBUTE = "p3idp_disabled"
_FORM = re.compile(r"p3idp:([A-Za-z0-9][A-Za-z0-9._-]*) ([a-z-]+) (\S+)")


class Cause(StrEnum):
    """Why a user is disabled. Once released, a word keeps its meaning: it stands in Keystone."""

    LEFT = "left"  # nothing that lets them in is left
    PROVIDER = "provider"  # their identity provider is suspended


@dataclass(frozen=True, slots=True)
class Mark:
    """Which policy disabled a user, why, and when by p3idp's clock."""

    policy: str
    cause: Cause
    at: datetime


def mark_text(mark: Mark) -> str:
    """What the attribute holds."""
    return f"{owner_mark(mark.policy)} {mark.cause} {mark.at.isoformat(timespec='seconds')}"


def read_mark(text: object) -> Mark | None:
    """The mark; None for anything else, which is then somebody else's disabling."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[3])
        return Mark(found[1], Cause(found[2]), at) if at.tzinfo else None
    except ValueError:
        return None
