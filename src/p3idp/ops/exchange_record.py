"""Write an exchange down. Owns what the ledger holds of one: people, projects and ends, never a token."""

from collections.abc import Mapping
from datetime import datetime

from p3idp.core.audit.event import AuditEvent, Json, Outcome, person
from p3idp.core.exchange.lifetime import ExchangedToken
from p3idp.core.exchange.target import Target
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.errors.access import LedgerDamaged, LedgerUnavailable
from p3idp.errors.exchange import ExchangeError, ExchangeUnavailable
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.request import request_id


def record_exchange(
    ledger: LedgerWriter,
    claims: VerifiedClaims,
    asked: Target,
    now: datetime,
    ended: ExchangedToken | ExchangeError,
) -> None:
    """Append the end of one exchange. Raises ExchangeUnavailable where the ledger cannot be written."""
    if isinstance(ended, ExchangeError):
        outcome, project, reason = Outcome.FAILURE, str(asked), ended.code
    else:
        outcome, project, reason = Outcome.SUCCESS, str(ended.project), ""
    event = AuditEvent(
        action="authenticate/exchange",
        outcome=outcome,
        actor=person(claims.subject, claims.issuer),
        target=("data/security/project", project),
        at=now,
        request_id=request_id.get(),
        reason=reason,
        details=_details(claims, ended),
    )
    try:
        ledger.append(event)
    except (LedgerUnavailable, LedgerDamaged) as exc:
        raise ExchangeUnavailable(
            "The exchange could not be written down, so it was not made.", debug=exc.detail
        ) from exc


def _details(claims: VerifiedClaims, ended: ExchangedToken | ExchangeError) -> Mapping[str, Json]:
    details: dict[str, Json] = {"client": claims.client, "source_expires_at": claims.expires_at.isoformat()}
    if isinstance(ended, ExchangedToken):
        details |= {
            "project_id": ended.project_id,
            "roles": list(ended.roles),
            "expires_at": ended.expires_at.isoformat(),
        }
    return details
