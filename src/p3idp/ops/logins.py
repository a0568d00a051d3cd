"""Remember the logins that p3idp sees, export and forget them.

Owns that remembering never costs anybody a login, and that handing out or forgetting leaves a record.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome
from p3idp.core.login.remembered import RememberedLogin, as_line, remembered
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ClaimNames, Policy
from p3idp.errors import P3idpError
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.logins import LoginWriter
from p3idp.ports.request import request_id

FORGOTTEN, EXPORTED = "delete/remembered-login", "read/remembered-logins"
# Who works with the settings at hand; which person that is, the operating system alone knows.
COMMAND = Actor("service/security/p3idp", "command line")
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


def record_forgotten(ledger: LedgerWriter, subject: str, providers: Sequence[str], now: datetime) -> None:
    """Write down that what was remembered of somebody is gone. Raises LedgerUnavailable."""
    target = ("data/security/account/user", subject)
    _record(ledger, FORGOTTEN, target, now, {"providers": list(providers)})


def record_export(ledger: LedgerWriter, number: int, file: str, now: datetime) -> None:
    """Write down that all remembered logins are about to be handed out. Raises LedgerUnavailable: then do not."""
    _record(ledger, EXPORTED, ("data/security/remembered-logins", "all"), now, {"logins": number, "file": file})


def _record(
    ledger: LedgerWriter, action: str, target: tuple[str, str], now: datetime, details: Mapping[str, Json]
) -> None:
    ledger.append(AuditEvent(action, Outcome.SUCCESS, COMMAND, target, now, request_id.get(), details=details))
