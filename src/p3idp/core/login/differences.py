"""Where policy and Keystone disagree about one person. Owns the comparison; its words are the templates'."""

from collections.abc import Mapping
from dataclasses import dataclass

from p3idp.core.login.session import KeystoneView
from p3idp.core.policy.decision import ProjectAccess
from p3idp.core.policy.names import ProjectRef

# `keystone-manage bootstrap` makes these implied roles: a token with the first shows the others too.
IMPLIED: Mapping[str, tuple[str, ...]] = {
    "admin": ("manager", "member", "reader"),
    "manager": ("member", "reader"),
    "member": ("reader",),
}


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """On one project: roles that only the policy gives (``lacking``), and roles that only Keystone has (``beyond``)."""

    project: ProjectRef
    lacking: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


def differences(given: tuple[ProjectAccess, ...], view: KeystoneView) -> tuple[Difference, ...]:
    """All differences, sorted by project; none where Keystone could not be seen."""
    if view.problem:
        return ()
    by_policy = {access.project: set(access.roles) for access in given}
    in_keystone = {ref: set(roles) for ref, roles in view.projects}
    found = []
    for project in sorted((by_policy.keys() | in_keystone.keys()) - set(view.unseen)):
        wanted, held = by_policy.get(project, set()), in_keystone.get(project, set())
        implied = {role for giver in wanted for role in IMPLIED.get(giver, ())}
        difference = Difference(project, tuple(sorted(wanted - held)), tuple(sorted(held - wanted - implied)))
        if difference.lacking or difference.beyond:
            found.append(difference)
    return tuple(found)
