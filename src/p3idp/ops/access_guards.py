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

ParseSite = Callable[[Mapping[str, str], str], Site]  # the files, and the environment
_LOOKED_AT = 50  # the newest records; one of an apply that ended is among them


def guards_in_force(past: AccessHistory, known: Known, parse: ParseSite, target: str, policy: str) -> Guards:
    """Who approves now: by the last apply of this policy here, else of any policy here, else anywhere else.

    So neither another policy's id nor another address of one Keystone is a place where nobody was named yet; and
    whoever decides elsewhere decides on the first apply in a new environment. From then on its own policy says who.
    """
    if known.findings:
        return Guards(unknown=known.findings[0].message)
    try:
        for place in ((target, policy), (target, ""), ("", policy), ("", "")):
            newest = known.newest or past.newest(*place)
            told = _newest_told(past, *place)
            if told > (newest.number if newest else 0):
                return Guards(unknown=f"The ledger tells of apply {told}, which the history does not hold.")
            if newest:
                return Guards(parse(newest.begun.files, newest.begun.environment), "", newest.begun.environment)
    except (HistoryDamaged, LedgerDamaged, PolicyInvalid) as exc:
        return Guards(unknown=exc.detail)
    return Guards()


def _newest_told(past: AccessHistory, target: str, policy: str) -> int:
    """The highest number that the ledger's newest records tell of; 0 where they tell of none. Empty: of any."""
    here = [
        details_of(record)
        for record in past.ledger.latest(_LOOKED_AT, ACTION)
        if target == "" or record.body["target"] == {"typeURI": TARGET, "id": target}
    ]
    return max((int(each.get("number", 0)) for each in here if policy in ("", each.get("policy"))), default=0)
