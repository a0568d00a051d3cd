"""How two clouds differ under one policy, and which of that is meant. Owns telling the intended from the unintended.

Meant is what the policy itself says differently of the two, in what both really have: everything else was done by
hand, or left behind. Things are held against one another by their names, never by an id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from p3idp.core.access.desired import Desired
from p3idp.core.access.history import Place, managed, place_of
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource, Snapshot

States = Mapping[Place, Resource]
_CLOSED = Kind.DOMAIN  # p3idp uses it as it is found


@dataclass(frozen=True, slots=True)
class Contrast:
    """Differences as changes from the first cloud to the second; each attribute stands in one of the two lists."""

    intended: tuple[Change, ...]
    unintended: tuple[Change, ...]


def contrast(one: tuple[Desired, Snapshot], other: tuple[Desired, Snapshot], changes: Sequence[Change]) -> Contrast:
    """What the policy asks for and what stands, in each; ``changes``: those that the second still waits for."""
    wanted, there = _places(one[0].resources), _managed(*one)
    wanted_then, then = _places(other[0].resources), _after(_managed(*other), changes)
    intended: list[Change] = []
    unintended: list[Change] = []
    for place in sorted({*there, *then}):
        said, says = wanted.get(place), wanted_then.get(place)
        left, right = _spoken(there.get(place), said, says), _spoken(then.get(place), said, says)
        if (left is None) != (right is None):
            meant = (left is None, right is None) == (said is None, says is None)
            (intended if meant else unintended).append(Change(left, right))
        elif left and right:
            meant_names, others = _told_apart(left, right, said, says)
            intended += _narrowed(left, right, meant_names)
            unintended += _narrowed(left, right, others)
    return Contrast(tuple(intended), tuple(unintended))


def _told_apart(
    left: Resource, right: Resource, said: Resource | None, says: Resource | None
) -> tuple[list[str], list[str]]:
    """The attributes that differ: those that each side has as the policy says there, and the others."""
    differ = [
        name for name in sorted({*left.attributes, *right.attributes}) if _value(left, name) != _value(right, name)
    ]
    meant = [
        name for name in differ if (_value(left, name), _value(right, name)) == (_value(said, name), _value(says, name))
    ]
    return meant, [name for name in differ if name not in meant]


def _value(resource: Resource | None, name: str) -> object:
    return resource.attributes.get(name) if resource else None


def _narrowed(left: Resource, right: Resource, names: Sequence[str]) -> list[Change]:
    """The change of these attributes alone."""
    sides = [replace(side, attributes={n: side.attributes.get(n) for n in names}) for side in (left, right)]
    return [Change(sides[0], sides[1])] if names else []


def _spoken(resource: Resource | None, *wanted: Resource | None) -> Resource | None:
    """With the attributes that the policy speaks of: what else a thing has is other people's."""
    names = {name for each in wanted if each for name in each.attributes}
    if resource is None:
        return None
    return replace(resource, attributes={name: resource.attributes.get(name) for name in names})


def _managed(desired: Desired, observed: Snapshot) -> States:
    held = managed(observed, desired.owner, {place_of(resource) for resource in desired.resources})
    return {place: resource for place, resource in _places(held.resources).items() if place[0] is not _CLOSED}


def _after(held: States, changes: Sequence[Change]) -> States:
    """What stands when these changes are made."""
    then = dict(held)
    for change in changes:
        place = place_of(change.resource)
        if change.after is None:
            then.pop(place, None)
        elif place[0] is not _CLOSED:
            before = then[place].attributes if place in then else {}
            then[place] = replace(change.after, attributes={**before, **change.after.attributes})
    return then


def _places(resources: Sequence[Resource]) -> dict[Place, Resource]:
    return {place_of(resource): resource for resource in resources}
