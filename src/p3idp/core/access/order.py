"""In which order changes are made, so that at every moment nobody has what neither the state before nor after gives.

Owns that order. What somebody has is, for each group that the rules of their way in lead to, the roles of that group.
Where only the rules or only the roles of a group change, every step shows the old or the new. Where both do, it
depends: roles may come before the rules where nobody leaves the group, and go after them where nobody comes in, so
that nobody is without access meanwhile. Else they go first and come last. A step may be stopped half-way, and the
changes of one step are made in any order (docs/adr/0015).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import Rule, rules_of
from p3idp.core.access.rule_groups import folded, groups_named

if TYPE_CHECKING:
    from p3idp.core.access.plan import Change

State = Mapping[tuple[Kind, Key], Resource]
_MAKE, _REMOVE = False, True
# What a later kind needs comes first. Between the two lines of grants stands what decides who is in a group.
_STEPS = (
    (Kind.DOMAIN, _MAKE),
    (Kind.IDENTITY_PROVIDER, _MAKE),  # new ones, which have no protocol yet, and those that let fewer in
    (Kind.PROJECT, _MAKE),
    (Kind.GROUP, _MAKE),
    (Kind.ROLE_ASSIGNMENT, _MAKE),
    (Kind.ROLE_ASSIGNMENT, _REMOVE),
    (Kind.MAPPING, _MAKE),
    (Kind.PROTOCOL, _MAKE),
    (Kind.IDENTITY_PROVIDER, _MAKE),  # those that let others in
    (Kind.MEMBERSHIP, _REMOVE),
    (Kind.MEMBERSHIP, _MAKE),  # makes the user on the way, who needs a provider with a protocol
    (Kind.ROLE_ASSIGNMENT, _MAKE),
    (Kind.ROLE_ASSIGNMENT, _REMOVE),
    (Kind.GROUP, _REMOVE),
)
_DOORS = frozenset({Kind.IDENTITY_PROVIDER, Kind.PROTOCOL, Kind.MAPPING})  # what decides who comes into which group
_OTHER_GROUPS: Key = ()  # stands for what a rule leads to that only a login tells


class _Way(NamedTuple):
    """One way into a group: a door, and what a login through it has to show."""

    door: Key
    shows: tuple[Mapping[str, Any], ...]


def in_order(changes: Iterable["Change"], observed: Snapshot) -> tuple["Change", ...]:
    """The changes in the order of work; of one step by key."""
    listed = list(changes)
    if not listed:  # a plan that changes nothing is the usual one
        return ()
    before = {(resource.kind, resource.key): resource for resource in observed.resources}
    moves = _Moves(before, _after(before, listed), _joined(listed))
    return tuple(sorted(listed, key=lambda change: (moves.step(change), change.resource.key)))


def exposed(changes: Iterable["Change"], observed: Snapshot) -> tuple[str, ...]:
    """Identity providers at which no order helps, sorted.

    Where a door and the rules behind it change together, the new rules stand behind the old door for a moment, and
    may let somebody into a group who comes into it neither before nor after.
    """
    listed = list(changes)
    if not any(change.resource.kind in _DOORS for change in listed):  # then everybody comes in as before
        return ()
    before = {(resource.kind, resource.key): resource for resource in observed.resources}
    moves = _Moves(before, _after(before, listed))
    found: set[str] = set()
    for last in (_STEPS.index((Kind.MAPPING, _MAKE)), _STEPS.index((Kind.PROTOCOL, _MAKE))):
        meanwhile = _ways(_after(before, [change for change in listed if moves.step(change) <= last]))
        for group, ways in meanwhile.items():
            found.update(way.door[0] for way in ways if not moves.known(group, way))
    return tuple(sorted(found))


def _joined(changes: Iterable["Change"]) -> frozenset[Key]:
    """Groups that somebody joins or leaves by a lasting membership."""
    return frozenset(folded(each.resource.key[:2]) for each in changes if each.resource.kind is Kind.MEMBERSHIP)


def _after(before: State, changes: Sequence["Change"]) -> State:
    held = dict(before)
    for change in changes:
        place = (change.resource.kind, change.resource.key)
        if change.after is None:
            held.pop(place, None)
        else:
            held[place] = change.after
    return held


_Ways = Mapping[Key, Sequence[_Way]]


class _Moves:
    """Who comes into which group, and who leaves it, between two states."""

    def __init__(self, before: State, after: State, joined: Collection[Key] = ()) -> None:
        self._old, self._new, self._joined = _ways(before), _ways(after), joined

    def step(self, change: "Change") -> int:
        """The place in the order of work."""
        resource, removed = change.resource, change.after is None
        places = [n for n, step in enumerate(_STEPS) if step == (resource.kind, removed)]
        early, late = places[0], places[-1]
        if resource.kind is Kind.IDENTITY_PROVIDER:
            return late if change.before and not _within(_door(change.after), _door(change.before)) else early
        if resource.kind is not Kind.ROLE_ASSIGNMENT:
            return early
        group = folded(resource.key[:2])
        if group in self._joined:  # who is named comes or goes while it has what it has both before and after
            return early if removed else late
        if removed:
            return late if self._all(group, self._new, self._old) else early
        return early if self._all(group, self._old, self._new) else late

    def known(self, group: Key, way: _Way) -> bool:
        """Whether who comes into a group by this way does so before or after."""
        return any(_covered(way, group, ways) for ways in (self._old, self._new))

    @staticmethod
    def _all(group: Key, some: _Ways, others: _Ways) -> bool:
        """Whether whoever comes into a group by some ways does so by the others."""
        return all(_covered(way, group, others) for way in _into(group, some))


def _into(group: Key, ways: _Ways) -> Sequence[_Way]:
    return (*ways.get(group, ()), *ways.get(_OTHER_GROUPS, ()))


def _covered(way: _Way, group: Key, ways: _Ways) -> bool:
    return any(_covers(other, way) for other in _into(group, ways))


def _ways(state: State) -> _Ways:
    """By group, the ways in that the mappings in use give."""
    found: defaultdict[Key, list[_Way]] = defaultdict(list)
    for (kind, key), protocol in state.items():
        provider = state.get((Kind.IDENTITY_PROVIDER, key[:1])) if kind is Kind.PROTOCOL else None
        door = _door(provider, str(protocol.attributes.get("remote_id_attribute") or ""))
        if door is None:
            continue
        for rule in rules_of(state.get((Kind.MAPPING, (str(protocol.attributes.get("mapping")),)))):
            shows = _both(door, rule["remote"])
            named, unnamed = groups_named(rule)
            for group in {*map(folded, named), *([_OTHER_GROUPS] if unnamed else [])} if shows else ():
                found[group].append(_Way(key, tuple(shows)))
    return found


def _both(door: Sequence[Rule], remote: Sequence[Rule]) -> Sequence[Rule]:
    """What has to be shown at the door and for a rule; nothing where nobody can: no issuer is taken by both."""
    found = [*remote]
    for asked in door:
        same = [n for n, entry in enumerate(found) if entry["type"] == asked["type"] and entry.keys() == asked.keys()]
        for number in same:
            taken = set(asked["any_one_of"]) & set(found[number]["any_one_of"])
            found[number] = {**asked, "any_one_of": sorted(taken)}
            if not taken:
                return ()
        found += [] if same else [asked]
    return found


def _door(provider: Resource | None, attribute: str = "") -> tuple[Rule, ...] | None:
    """What a provider itself asks for, as an entry of a rule; None where it lets nobody in."""
    if provider is None or not provider.attributes.get("enabled"):
        return None
    issuers: Any = provider.attributes.get("issuers") or ()
    return ({"type": attribute, "any_one_of": sorted(issuers)},) if issuers else ()


def _within(new: tuple[Rule, ...] | None, old: tuple[Rule, ...] | None) -> bool:
    """Whether a provider lets in nobody that it did not let in before."""
    return new is None or (old is not None and all(any(implies(had, wanted) for had in new) for wanted in old))


def _covers(wide: _Way, narrow: _Way) -> bool:
    """Whether a login that comes in by the narrow way comes in by the wide one. False where that is not plain."""
    return wide.door == narrow.door and all(
        any(implies(shown, asked) for shown in narrow.shows) for asked in wide.shows
    )


def implies(shown: Rule, asked: Rule) -> bool:
    """Whether what meets one entry of a rule meets another: each asks that its attribute be there."""
    if shown["type"] != asked["type"]:
        return False
    if shown == asked or not asked.keys() - {"type"}:
        return True
    lists = ({"type", "any_one_of"}, {"type", "any_one_of", "regex"})
    alike = asked.keys() == shown.keys() and set(asked) in lists and asked.get("regex") == shown.get("regex")
    return alike and set(shown["any_one_of"]) <= set(asked["any_one_of"])
