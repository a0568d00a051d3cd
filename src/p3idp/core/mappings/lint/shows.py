"""What a login shows: a claim about an outcome that can be tested. Owns the claims, their test and their words.

A finding makes such a claim, and lint tests it before it speaks: the answer of the imitated engine to the example
login must be what the finding says.
"""

from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.keystone_rules import Failed, Kind, Mapped, Outcome


class Shown(StrEnum):
    """What there is to see. Once released, a word keeps its meaning."""

    # ---- of Keystone's engine
    BREAKS = "breaks"
    DECLINED = "declined"
    NOBODY = "no-match"
    USER_NAME = "user-name"
    USER_ID = "user-id"
    USER_TYPE = "user-type"
    NO_USER = "no-user"
    NO_DOMAIN = "no-domain"
    GROUP = "group"
    GROUP_ID = "group-id"
    ROLE = "role"
    NO_PROJECT = "no-project"
    LOSES_ROLE = "loses-role"
    NO_CHANGE = "no-change"
    # ---- of the policy
    GRANTED = "granted"
    REFUSED = "refused"
    EXAMPLE = "example"
    # ---- of one entitlement
    OPENS = "opens"
    DOES_NOT_OPEN = "does-not-open"


@dataclass(frozen=True, slots=True)
class Shows:
    """One claim; ``value`` says of what: an exception, a user, a group, "role on project", a reason."""

    what: Shown
    value: str = ""

    @property
    def told(self) -> str:
        """The claim as a sentence's end: "this login …"."""
        return _TOLD[self.what].format(self.value)


def is_shown(shows: Shows, outcome: Outcome, without: Outcome | None = None) -> bool:
    """Whether an outcome is what ``shows`` claims. ``without``: the outcome where the rule in question is left out."""
    what, value = shows.what, shows.value
    if isinstance(outcome, Failed):
        failures = {
            Shown.BREAKS: (Kind.EVALUATION_ERROR, value),
            Shown.DECLINED: (Kind.REFUSED, ""),
            Shown.NOBODY: (Kind.NO_MATCH, "ValidationError"),
        }
        return failures.get(what) == (outcome.kind, outcome.keystone_error)
    if what is Shown.NO_CHANGE:
        return isinstance(without, Mapped) and _gives(without) == _gives(outcome)
    if what is Shown.LOSES_ROLE:
        return isinstance(without, Mapped) and value in _roles(without) and value not in _roles(outcome)
    return _given(what, value, outcome)


def _given(what: Shown, value: str, outcome: Mapped) -> bool:
    person, groups = outcome.person, [group.name for group in outcome.groups]
    return {
        Shown.USER_NAME: person.name == value,
        Shown.USER_ID: person.id == value,
        Shown.USER_TYPE: person.type == value,
        Shown.NO_USER: not person.name and not person.id,
        Shown.NO_DOMAIN: not outcome.user.get("domain"),
        Shown.GROUP: value in groups,
        Shown.GROUP_ID: value in outcome.group_ids,
        Shown.ROLE: value in _roles(outcome),
        Shown.NO_PROJECT: not outcome.projects,
    }.get(what, False)


def _roles(outcome: Mapped) -> frozenset[str]:
    return frozenset(f"{role} on {grant.project}" for grant in outcome.grants for role in grant.roles)


def _gives(outcome: Mapped) -> object:
    ids = frozenset(map(repr, outcome.group_ids))
    return outcome.person, frozenset(outcome.groups), ids, _roles(outcome)


_TOLD = {
    Shown.BREAKS: "ends in an error inside Keystone ({})",
    Shown.DECLINED: "takes Keystone very long, or very much memory",
    Shown.NOBODY: "is refused with a bare 401: no rule matches",
    Shown.USER_NAME: "becomes the user named `{}`",
    Shown.USER_ID: "becomes the user with the id `{}`",
    Shown.USER_TYPE: "becomes a user of type {}",
    Shown.NO_USER: "names no user: Keystone takes whatever REMOTE_USER holds",
    Shown.NO_DOMAIN: "leaves the user without a domain: Keystone answers 400 with a TypeError for a message",
    Shown.GROUP: "gets the group `{}`",
    Shown.GROUP_ID: "gets the group with the id `{}`",
    Shown.ROLE: "gets the role {}",
    Shown.NO_PROJECT: "brings no project, so every role given to this user directly is taken away",
    Shown.LOSES_ROLE: "does not get the role {}, although its rule matches",
    Shown.NO_CHANGE: "gets the same without this rule",
    Shown.GRANTED: "is let in by this rule",
    Shown.REFUSED: "is refused by this rule ({})",
    Shown.EXAMPLE: "gets {}",
    Shown.OPENS: "opens `{}`",
    Shown.DOES_NOT_OPEN: "does not open `{}`",
}
