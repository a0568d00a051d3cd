"""What an apply found, meant to do and left, as values; and what p3idp may therefore expect to find.

Owns the shapes, and the baseline that tells a direct change in Keystone from a new policy. Their text is
history_text.py's; whether a kept one is still what the ledger names is ops/access_history's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from p3idp.core.access.commit import Commit
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.core.access.way_back import WayBack

Place = tuple[Kind, Key]


@dataclass(frozen=True, slots=True)
class Begun:
    """What was known before the first write: durable then, and named by its digest in the intent.

    ``domain``: the site's. ``files``: the policy's text by file name. ``rollback_to``: the state this one went
    back to, None for an ordinary one. ``environment``: whose differences the policy was read with; ``commit``: the one
    that it was read at, None where it was in none.
    """

    policy: str
    policy_digest: str
    target: str
    domain: str
    plan: str
    found: Snapshot
    wanted: tuple[Change, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    rollback_to: WayBack | None = None
    environment: str = ""
    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One apply: number, ledger record of its intent, moment, who, what it began with and what it left.

    ``left`` is None where nobody knows yet: it runs, or was killed and no later run has looked. ``outcome``:
    ``success``, ``failure``, ``interrupted`` or ``running``. ``decided``: where two people decided, what the ledger
    says of their proposal (Warrant.as_json).
    """

    number: int
    intent: str
    at: datetime
    account: str
    begun: Begun
    left: Snapshot | None
    outcome: str
    accepted: tuple[str, ...] = ()
    decided: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether everything it meant to do was done."""
        return self.outcome == "success"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What Keystone should hold by what p3idp knows of its last apply: each place with the states it may be in.

    After a run that was killed, a place may be as it was found or as it was meant to be; otherwise it has one state.
    ``unseen``: kinds of which a list was cut short, so that absence there means nothing.
    """

    number: int
    at: datetime
    account: str
    owner: str
    states: Mapping[Place, tuple[Resource | None, ...]]
    unseen: frozenset[Kind] = frozenset()

    def at_place(self, kind: Kind, key: Key) -> tuple[Resource | None, ...]:
        """The states a place may be in; nothing where p3idp cannot know."""
        absent: tuple[Resource | None, ...] = () if kind in self.unseen else (None,)
        return self.states.get((kind, key), absent)


def listed(kind: Kind) -> str:
    """What Snapshot.missing calls the list of a kind."""
    return f"{kind.replace('_', ' ')}s"


def baseline(entry: Entry) -> Baseline:
    """What the newest apply says of the present."""
    found, wanted = _by_place(entry.begun.found.resources), {place_of(c.resource): c.after for c in entry.begun.wanted}
    left = entry.left
    unread = {kind for kind in Kind if left is None or listed(kind) in left.missing}
    known = _by_place(left.resources) if left else {}
    states: dict[Place, tuple[Resource | None, ...]] = {}
    for place in {*found, *wanted, *known}:
        either = tuple(dict.fromkeys((found.get(place), wanted.get(place, found.get(place)))))
        states[place] = either if place[0] in unread else (known.get(place),)
    missing = entry.begun.found.missing if left is None else left.missing
    unseen = frozenset(kind for kind in Kind if listed(kind) in missing)
    return Baseline(entry.number, entry.at, entry.account, entry.begun.policy, states, unseen)


def managed(snapshot: Snapshot, owner: str, wanted: Collection[Place]) -> Snapshot:
    """Of what Keystone holds, the part that is this policy's or that it asks for; without the roles."""
    groups = {key for kind, key in wanted if kind is Kind.GROUP}
    kept = tuple(
        resource
        for resource in snapshot.resources
        if resource.owner == owner
        or place_of(resource) in wanted
        or (resource.kind in (Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP) and resource.key[:2] in groups)
    )
    return replace(snapshot, resources=_sorted(kept), roles={}, said_at=None)


def after_reading(before: Snapshot, shown: Mapping[Kind, Snapshot], unread: Collection[Kind]) -> Snapshot:
    """What stands after a run: the lists read back in place of the earlier ones; ``unread`` were written blindly."""
    kept = [r for r in before.resources if r.kind not in shown]
    fresh = [r for snapshot in shown.values() for r in snapshot.resources]
    missing = {*before.missing, *(listed(kind) for kind in unread)}
    for kind, snapshot in shown.items():
        # A whole list proves what an earlier, shortened one could not.
        missing = (missing | {listed(kind)}) if not snapshot.complete else missing - {listed(kind)}
    return replace(before, resources=_sorted((*kept, *fresh)), missing=tuple(sorted(missing)))


def place_of(resource: Resource) -> Place:
    """Where a resource stands, whatever its state."""
    return resource.kind, resource.key


def _by_place(resources: Sequence[Resource]) -> dict[Place, Resource]:
    return {place_of(resource): resource for resource in resources}


def _sorted(resources: Sequence[Resource]) -> tuple[Resource, ...]:
    return tuple(sorted(resources, key=place_of))


def between(one: Snapshot | None, other: Snapshot | None) -> tuple[Change, ...]:
    """What would have to change to come from one state to the other, sorted by kind; of an unknown state, nothing."""
    if one is None or other is None:
        return ()
    old, new = _by_place(one.resources), _by_place(other.resources)
    places = sorted({*old, *new})
    return tuple(Change(old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place))
