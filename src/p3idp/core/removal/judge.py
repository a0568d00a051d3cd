"""What is to be done about one user of Keystone, and why. Owns the conditions and their order.

Two must agree before somebody is disabled: Keystone's own mapping would refuse a login with the newest claims, and the
policy knows no rule for them. So neither a draft that nobody applied nor a mapping that somebody emptied by hand takes
anybody's access. Where the mapping would let them in, a login does what is needed: it shrinks the memberships.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from p3idp.core.access.people.known import ShadowUser
from p3idp.core.access.resources import Key
from p3idp.core.credentials.held import Membership
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.removal.mark import Cause
from p3idp.core.removal.steps import Action, Kept, KeptWhy, Step, Why


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one user.

    ``login``: their newest claims. ``whole``: these came through p3idp's own client, so nothing was left out of them.
    ``gives``: whether the policy has a rule for them, suspended ones included; None where that cannot be told.
    ``enters``: the groups that a login with them leads to; None where Keystone would refuse it. ``could``: the same for
    the tokens of all clients that are honoured, since a rule may ask for one of them. Both ``could`` and
    ``memberships``, which asks Keystone, are called only where it matters.
    """

    user: ShadowUser
    login: RememberedLogin | None = None
    whole: bool = False
    gives: bool | None = None
    enters: frozenset[Key] | None = None
    approver: bool = False
    could: Callable[[], frozenset[Key] | None] = field(default=lambda: None)
    memberships: Callable[[], Sequence[Membership]] = field(default=lambda: ())

    @property
    def subject(self) -> str:
        """Who it is, as the identity provider says where that is known."""
        return self.login.subject if self.login else self.user.name


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for everybody. ``account``: p3idp's own user; ``groups``: those of the site's domain.

    ``shut``: suspended identity providers, and since when. By provider, ``ttl``: how long a membership outlives a
    login, and ``renew_before``: how long before its end it is renewed. ``ready``: users that can be signed in.
    """

    now: datetime
    policy: str
    account: str = ""
    groups: Collection[Key] = ()
    shut: Mapping[str, datetime | None] = field(default_factory=dict)
    ttl: Mapping[str, timedelta] = field(default_factory=dict)
    renew_before: Mapping[str, timedelta] = field(default_factory=dict)
    ready: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Steps in their order, or why there is none where one might be expected."""

    steps: tuple[Step, ...] = ()
    kept: Kept | None = None


NOTHING = Verdict()


def judge(seen: Seen, terms: Terms) -> Verdict:
    """What is to be done about this user."""
    user = seen.user
    if user.id == terms.account:
        return NOTHING  # whoever p3idp itself acts as is not for p3idp to stop
    if not user.enabled:
        return _disabled(seen, terms)
    if user.provider in terms.shut:
        told = f"The identity provider {user.provider} is suspended."
        return Verdict((_step(seen, Action.DISABLE, Why.PROVIDER, told, terms.shut[user.provider]),))
    if seen.login is None:
        return NOTHING
    if seen.enters is not None:
        return _member(seen, seen.enters, terms)
    return _leaver(seen, seen.login, terms)


def _leaver(seen: Seen, login: RememberedLogin, terms: Terms) -> Verdict:
    """Keystone would refuse a login with the newest claims."""
    if seen.gives:
        return NOTHING  # the policy's rule waits to be applied, or was changed in Keystone: drift says so
    if not seen.whole:
        told = "The newest claims came with a token of another client, which may have asked for less than there is."
        return _kept(seen, KeptWhy.NARROW, told)
    if seen.could() is not None:
        return NOTHING  # with the token of another client they are in
    if seen.gives is None:
        return _kept(seen, KeptWhy.UNCLEAR, "p3idp cannot tell what the newest claims give.")
    held = _alive(seen, terms)
    if not held and not seen.user.own:
        return NOTHING  # all has lapsed: nothing is left that could be taken
    if (heard := _heard(seen, held, terms)) is not None and heard > login.at:
        told = f"Keystone saw a login at {_said(heard)}, after these claims of {_said(login.at)}."
        return _kept(seen, KeptWhy.STALE, told)
    if seen.approver:
        return _kept(seen, KeptWhy.APPROVER, "They approve what one person must not decide, and are never disabled.")
    told = f"The identity provider said at {_said(login.at)} nothing that lets them in."
    groups = tuple(sorted(each.group for each in held))
    lasting = tuple(sorted(each.group for each in held if each.until is None))
    step = _step(seen, Action.DISABLE, Why.LEFT_LAST, told, login.at, groups)
    return Verdict((replace(step, lasting=lasting),))


def _member(seen: Seen, enters: frozenset[Key], terms: Terms) -> Verdict:
    """Keystone would let them in: a login leaves them in the groups that their claims give, and in no other."""
    if seen.user.id not in terms.ready:
        return NOTHING
    held = _alive(seen, terms)
    return Verdict(_sign_in(seen, enters, held, terms))


def _sign_in(seen: Seen, enters: frozenset[Key], held: Sequence[Membership], terms: Terms) -> tuple[Step, ...]:
    at = seen.login.at if seen.login else None
    if lost := _outlived(seen, enters, held, terms):
        told = f"They left {', '.join(name for _, name in lost)}; a login takes them out."
        return (_step(seen, Action.SIGN_IN, Why.LEFT_ONE, told, at, lost),)
    ends = [each.until for each in held if each.until is not None and each.group in enters]
    if ends and min(ends) - terms.now <= terms.renew_before.get(seen.user.provider, timedelta(0)):
        told = f"Their memberships would lapse at {_said(min(ends))}; a login keeps them."
        return (_step(seen, Action.SIGN_IN, Why.LAPSES, told, at),)
    # Nobody was asked for too long, by an outage: their application credentials stand still until somebody signs in.
    if enters and not any(each.group in enters for each in held):
        told = "Their memberships have lapsed; a login brings them back."
        return (_step(seen, Action.SIGN_IN, Why.LAPSES, told, at),)
    return ()


def _disabled(seen: Seen, terms: Terms) -> Verdict:
    mark, provider = seen.user.disabled_by, seen.user.provider
    if mark is None or mark.policy != terms.policy or provider in terms.shut:
        return NOTHING  # somebody else did it, or the reason holds
    if mark.cause is Cause.PROVIDER:
        return _provider_back(seen, terms)
    login = seen.login
    if login is None or seen.enters is None or login.at <= mark.at:
        return NOTHING
    told = f"The identity provider said at {_said(login.at)}, after they were disabled, what lets them in."
    return _enable(seen, seen.enters, Why.RETURNED, told, terms)


def _provider_back(seen: Seen, terms: Terms) -> Verdict:
    told = f"The identity provider {seen.user.provider} is suspended no longer."
    if seen.login is not None and seen.whole and seen.enters is None and seen.gives is False:
        heard = _heard(seen, _alive(seen, terms), terms)
        if heard is None or heard <= seen.login.at:
            return _kept(seen, KeptWhy.WAITS, f"{told} Their newest claims let them in nowhere.")
    if seen.login is not None and seen.enters is not None and seen.whole:
        return _enable(seen, seen.enters, Why.PROVIDER_BACK, told, terms)
    return Verdict((_step(seen, Action.ENABLE, Why.PROVIDER_BACK, told),))


def _enable(seen: Seen, enters: frozenset[Key], why: Why, told: str, terms: Terms) -> Verdict:
    """Enable, once no membership is alive that the claims do not give: else that would come back with the user."""
    held = _alive(seen, terms)
    enable = _step(seen, Action.ENABLE, why, told, seen.login.at if seen.login else None)
    if seen.user.id in terms.ready:
        return Verdict((*_sign_in(seen, enters, held, terms), enable))
    if lost := _outlived(seen, enters, held, terms):
        names = ", ".join(name for _, name in lost)
        return _kept(seen, KeptWhy.WAITS, f"{told} They are enabled when they are out of {names}: a login does it.")
    return Verdict((enable,))


def _outlived(seen: Seen, enters: frozenset[Key], held: Sequence[Membership], terms: Terms) -> tuple[Key, ...]:
    """The groups that a login would take them out of: what somebody put there by hand stays.

    Where Keystone saw a login after these claims, it knows better than they do.
    """
    heard = _heard(seen, held, terms)
    if seen.login is not None and heard is not None and heard > seen.login.at:
        return ()
    lost = [m.group for m in held if m.until and m.group in terms.groups and m.group not in enters]
    kept = (seen.could() or frozenset()) if lost else frozenset()
    return tuple(sorted(group for group in lost if group not in kept))


def _alive(seen: Seen, terms: Terms) -> Sequence[Membership]:
    return [each for each in seen.memberships() if each.until is None or each.until > terms.now]


def _heard(seen: Seen, held: Sequence[Membership], terms: Terms) -> datetime | None:
    """When Keystone last saw a login, as far as its memberships tell."""
    ttl = terms.ttl.get(seen.user.provider)
    ends = [each.until for each in held if each.until is not None]
    return max(ends) - ttl if ends and ttl is not None else None


def _step(
    seen: Seen, action: Action, why: Why, told: str, since: datetime | None = None, groups: tuple[Key, ...] = ()
) -> Step:
    return Step(action, why, seen.user.id, seen.subject, seen.user.provider, told, since, groups)


def _kept(seen: Seen, why: KeptWhy, told: str) -> Verdict:
    return Verdict(kept=Kept(seen.user.provider, seen.subject, why, told))


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
