"""Remember the logins that p3idp sees, and export them. Owns that remembering never costs anybody a login."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from p3idp.core.login.remembered import RememberedLogin, as_line, remembered
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ClaimNames, Policy
from p3idp.errors import P3idpError
from p3idp.ports.logins import LoginWriter

_log = logging.getLogger(__name__)


def remember_nothing(claims: VerifiedClaims, now: datetime) -> None:
    """Where the settings name no key."""


class Remembering:
    """Implements ports.logins.Remember. ``count`` is told ``kept`` or ``failed`` of every login."""

    def __init__(self, writer: LoginWriter, count: Callable[[str], None]) -> None:
        self._writer, self._count = writer, count
        self._failing = False

    def __call__(self, claims: VerifiedClaims, now: datetime) -> None:
        """Remember, or count and tell once that it does not work: the login itself goes on."""
        try:
            self._writer.remember(remembered(claims, now, claims.by_claim))
        except Exception as exc:  # whatever it is, it is no reason to send a person away
            self._tell(exc)
            self._count("failed")
            return
        self._failing = False
        self._count("kept")

    def _tell(self, exc: Exception) -> None:
        """The kind of failure alone: the text of an unexpected one may hold what was to be kept."""
        if not self._failing:
            what = exc.code if isinstance(exc, P3idpError) else type(exc).__name__
            _log.warning("logins are not remembered: %s; said once until it works again", what)
        self._failing = True


def exported(logins: tuple[RememberedLogin, ...], policy: Policy) -> Iterator[str]:
    """The lines that a replay reads, claims called as the policy calls them now."""
    names: Mapping[str, ClaimNames] = {each.id: each.claims for each in policy.site.identity_providers}
    for login in logins:
        yield as_line(login, names.get(login.provider, ClaimNames()))
