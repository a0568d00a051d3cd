"""Tell owners of application credentials in time, and not the same over and over. Owns what is kept of the telling."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from p3idp.core.audit.event import Actor, AuditEvent, Outcome
from p3idp.core.credentials.notice import Notice, Terms, Told, notices
from p3idp.core.policy.model import Site
from p3idp.ops.access_ledger import TARGET, details_of
from p3idp.ops.credentials import Survey
from p3idp.ports.ledger import Ledger
from p3idp.ports.request import request_id

ACTION = "notify/credentials"
_SENDER = Actor("service/security/p3idp", "credentials warn")
_MOST_RUNS = 2000  # five years of a run a day


@dataclass(frozen=True, slots=True)
class CredentialNotices:
    """``target``: the address of the Keystone whose credentials these are; ``page``: where people see their own, if
    there is such a page. ``ledger`` is opened when needed.
    """

    ledger: Callable[[], Ledger]
    target: str
    page: str = ""

    def due(self, survey: Survey, site: Site, within: timedelta, again_after: timedelta) -> tuple[Notice, ...]:
        """Whom to tell of what now. Raises LedgerUnavailable."""
        terms = Terms(site, within, again_after, self.page)
        return notices(survey.outlooks, self._told(), terms, survey.at)

    def record(self, given: Sequence[Notice], at: datetime) -> None:
        """Keep that these were handed over, once they were: a run that is killed before tells again.

        Raises LedgerUnavailable, LedgerDamaged.
        """
        if given:
            items = [item for notice in given for item in notice.items()]
            event = AuditEvent(
                ACTION, Outcome.SUCCESS, _SENDER, (TARGET, self.target), at, request_id.get(), details={"told": items}
            )
            self.ledger().append(event)

    def _told(self) -> Mapping[str, Told]:
        """By credential, what was told last."""
        found: dict[str, Told] = {}
        for record in self.ledger().latest(_MOST_RUNS, ACTION):
            at = datetime.fromisoformat(str(record.body["eventTime"]))
            items: Sequence[Mapping[str, Any]] = details_of(record).get("told", [])
            for item in items:
                found.setdefault(item["credential"], Told(item["state"], item["stops_at"], at))
        return found
