"""A signed-in person's own credentials, by what Keystone showed at the sign-in. Owns how that becomes outlooks.

Keystone tells people which roles they have on a project and not what gives them: all of them are taken to hang on the
memberships of this login, so a moment told here may be too early, and never too late.
"""

from datetime import datetime, timedelta

from p3idp.core.credentials.held import GivenRole, Membership
from p3idp.core.credentials.outlook import Outlook, Owner, outlook
from p3idp.core.login.session import Session
from p3idp.core.policy.decision import Decision

_THIS_LOGIN = ("", "")


def own_outlooks(
    session: Session, decision: Decision, ttl: timedelta | None, now: datetime, *, consented: bool
) -> tuple[Outlook, ...] | None:
    """The person's credentials, the worst first; None where Keystone did not list them."""
    view, claims = session.keystone, session.claims
    if view.credentials is None:
        return None
    owner = Owner(
        view.user_name, claims.subject, str(claims.provider), consented=consented, decision=decision,
        seen_at=session.began_at, ttl=ttl,
    )  # fmt: skip
    roles = dict(view.projects)
    through = Membership(_THIS_LOGIN, view.lapses_at)
    # What is renewed while they are away is not renewed in this view of it.
    moment = view.seen_at if consented else now
    found = []
    for each in view.credentials:
        held = roles.get(each.project, ()) if each.project else ()
        given = [GivenRole(each.project_id, role, through) for role in held]
        found.append(outlook(each, owner, given, moment))
    return tuple(sorted(found, key=lambda each: each.urgency))
