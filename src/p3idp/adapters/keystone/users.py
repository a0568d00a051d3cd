"""Disable and enable one user of Keystone. Owns those calls.

The mark goes along in the same call, so that no user is ever disabled by p3idp without it. Keystone itself sees to the
rest: it revokes the user's tokens, and takes neither their application credentials, EC2 credentials nor trusts.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.keystone_url import v3_url
from p3idp.core.removal.mark import ATTRIBUTE, Mark, mark_text, read_mark
from p3idp.errors.keystone import KeystoneUnreachable


class KeystoneUsers:
    """Implements ports.removal.UserSwitch."""

    def __init__(self, session: Session, auth_url: str, persistently: Persistence) -> None:
        self._adapter = Adapter(session, endpoint_override=v3_url(auth_url))
        self._persistently = persistently

    def user(self, user: str, provider: str) -> ShadowUser | None:
        """See ports.removal.UserReader."""
        with keystone_errors("read a user", refusal=KeystoneUnreachable):
            try:
                row = self._persistently(lambda: self._adapter.get(_path(user))).json()["user"]
            except ksa.NotFound:
                return None
            mark = read_mark(row.get(ATTRIBUTE))
            return ShadowUser(row["id"], row["name"], provider, row["enabled"], disabled_by=mark)

    def disable(self, user: str, mark: Mark) -> None:
        """See ports.removal.UserSwitch."""
        self._change("disable a user", user, {"enabled": False, ATTRIBUTE: mark_text(mark)})

    def enable(self, user: str) -> None:
        """See ports.removal.UserSwitch."""
        # Keystone keeps an attribute that was once set; without a value it is no mark.
        self._change("enable a user", user, {"enabled": True, ATTRIBUTE: None})

    def disown(self, user: str) -> None:
        """See ports.removal.UserSwitch."""
        self._change("take a mark from a user", user, {ATTRIBUTE: None})

    def _change(self, doing: str, user: str, attributes: Mapping[str, Any]) -> None:
        with keystone_errors(doing):
            self._persistently(lambda: self._adapter.patch(_path(user), json={"user": attributes}))


def _path(user: str) -> str:
    return f"/users/{quote(user, safe='')}"
