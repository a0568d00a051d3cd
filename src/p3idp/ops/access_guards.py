"""What guards power at a Keystone: the site file of the policy that was applied last. Owns when that is beyond doubt.

Whoever can write the database must not become an approver by taking the newest apply away, or by spoiling it.
"""

from collections.abc import Callable, Mapping

from p3idp.core.access.guards import Guards
from p3idp.core.policy.model import Site
from p3idp.errors.access import LedgerDamaged
from p3idp.errors.history import HistoryDamaged
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.access_history import AccessHistory, Known
from p3idp.ops.access_ledger import ACTION, TARGET, details_of

ParseSite = Callable[[Mapping[str, str]], Site]
_LOOKED_AT = 50  # the newest records; one of an apply that ended is among them


def guards_in_force(past: AccessHistory, known: Known, parse: ParseSite, target: str, policy: str) -> Guards:
    """Who approves now, by the last apply of this policy here; of a policy that is new here, by that of any other."""
    if known.findings:
        return Guards(unknown=known.findings[0].message)
    try:
        newest = known.newest or past.newest(target, "")
        told = _newest_told(past, target, str(newest.begun.policy) if newest else "")
        if told > (newest.number if newest else 0):
            return Guards(unknown=f"The ledger tells of apply {told}, which the history does not hold.")
        return Guards(parse(newest.begun.files)) if newest else Guards()
    except (HistoryDamaged, LedgerDamaged, PolicyInvalid) as exc:
        return Guards(unknown=exc.detail)


def _newest_told(past: AccessHistory, target: str, policy: str) -> int:
    """The highest number that the ledger's newest records tell of; 0 where they tell of none."""
    here = [
        details_of(record)
        for record in past.ledger.latest(_LOOKED_AT, ACTION)
        if record.body["target"] == {"typeURI": TARGET, "id": target}
    ]
    return max((int(each.get("number", 0)) for each in here if policy in ("", each.get("policy"))), default=0)
