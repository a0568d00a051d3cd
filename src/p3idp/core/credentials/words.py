"""What becomes of an application credential, as sentences. Owns the words that list, warning and page share."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from p3idp.core.credentials.outlook import Keeper, Outlook, State
from p3idp.core.policy.sentence import moment

# To operators, and to the owner. {by}: " by MOMENT", where there is one.
_ADVICE: Mapping[Keeper, tuple[str, str]] = {
    Keeper.NOTHING_NEEDED: ("Nothing to do.", "Nothing to do."),
    Keeper.CONSENT: (
        "Nothing to do: p3idp renews the membership, as its owner consented to.",
        "Nothing to do: your membership is renewed for you while you are a member, as you agreed.",
    ),
    Keeper.RECHECK_OVERDUE: (
        "The owner consented, and p3idp should have renewed the membership by now: look after `p3idp recheck`. What "
        "has lapsed comes back with its next run, or when its owner signs in.",
        "This should have been renewed for you and was not: sign in{by}, which renews it.",
    ),
    Keeper.SIGN_IN: ("The owner must sign in{by}.", "Sign in{by}: that renews it."),
    Keeper.NEW_CREDENTIAL: (
        "The owner must make a new one{by}, if it is still needed.",
        "Make a new one{by}, if you still need it.",
    ),
    Keeper.MEMBERSHIP: (
        "Nothing to do: it works again when its owner is a member again.",
        "It works again when you are a member again: ask your community.",
    ),
}
_FATE: Mapping[State, str] = {
    State.LIVES: "Nothing ends it.",
    State.LAPSED: "Does not work: the group memberships that gave its roles have lapsed.",
    State.OWNER_NOT_A_MEMBER: "Does not work: {seen} gives its owner none of its roles.",
    State.OWNER_DISABLED: "Does not work: its owner's user is disabled.",
    State.ENDED: "Does not work: it had an end of its own{own}.",
}


def fate(found: Outlook) -> str:
    """What happens or happened to it, and why."""
    if found.state is State.LAPSES and found.stops_at is not None:
        told = f"Works until {moment(found.stops_at)}: {_cause(found)}."
    else:
        told = _FATE[found.state].format(seen=_seen(found.owner.seen_at), own=_at(found.credential.until))
    return " ".join([told, *_fewer(found)])


def advice(found: Outlook, *, to_owner: bool = False, dated: bool = True) -> str:
    """What to do about it; not ``dated`` where the moment stands beside it already."""
    by = "" if found.stops_at is None else f" by {moment(found.stops_at)}" if dated else " before then"
    return _ADVICE[found.keeper][to_owner].format(by=by)


def span(left: timedelta) -> str:
    """How long that is, roughly: 5 days, 3 hours, 20 minutes."""
    minutes = max(0, int(left.total_seconds() // 60))
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = minutes // size
            return f"{number:,} {word}{'s' if number > 1 else ''}"
    return "less than a minute"


def _cause(found: Outlook) -> str:
    if found.by_itself:
        return "its own end"
    names = [name for _, name in found.groups]
    whose = "memberships of" if len(names) > 1 else "membership of"
    return f"the end of the {whose} {', '.join(names)}"


def _fewer(found: Outlook) -> list[str]:
    told = [f"From {moment(at)} without {', '.join(roles)}." for at, roles in found.fewer]
    if found.missing and found.state in (State.LAPSES, State.LIVES):
        told.insert(0, f"It does not give {', '.join(found.missing)} any more, which its owner has not now.")
    return told


def _seen(at: datetime | None) -> str:
    return f"what p3idp knows of the sign-in of {moment(at)}" if at else "the last sign-in"


def _at(own: datetime | None) -> str:
    return f", {moment(own)}" if own else ""
