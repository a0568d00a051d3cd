"""The difference between what should be and what is, as a value that can be printed, hashed, reviewed and refused.

Owns Change, Plan and diff. Their order is order.py's; which are dangerous findings.py's; making them is ops/access.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from p3idp.core.access.desired import Desired
from p3idp.core.access.order import in_order
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.event import Json, canonical

if TYPE_CHECKING:
    from p3idp.core.access.people.part import People

# A domain is used as it is found; of these, p3idp changes nothing that does not carry its mark.
_MARKED = frozenset({Kind.IDENTITY_PROVIDER, Kind.PROJECT, Kind.GROUP})

# Findings about the policy itself: what they say holds from the apply on, though nothing in Keystone changes.
CHANGES_GUARDS = frozenset({"changes-approvers", "unprotects-project"})


@dataclass(frozen=True, slots=True)
class Change:
    """One step: ``before`` is None where something is made, ``after`` where something is removed."""

    before: Resource | None
    after: Resource | None

    @property
    def resource(self) -> Resource:
        """What it is about, as it will be; as it was where it goes."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change has a before or an after")
        return found

    @property
    def action(self) -> str:
        """``create``, ``update`` or ``delete``."""
        return "create" if self.before is None else "delete" if self.after is None else "update"

    @property
    def adopts(self) -> bool:
        """Whether it takes over something that is not this policy's."""
        return self.before is not None and self.after is not None and self.before.owner != self.after.owner

    @property
    def different(self) -> Mapping[str, tuple[Json, Json]]:
        """What an update changes: attribute to (before, after)."""
        if self.before is None or self.after is None:
            return {}
        old, new = self.before.attributes, self.after.attributes
        return {name: (old.get(name), new[name]) for name in sorted(new) if old.get(name) != new[name]}

    def as_json(self) -> Mapping[str, Json]:
        """The change for machines and for the digest."""
        resource = self.resource
        return {
            "action": self.action,
            "kind": resource.kind.value,
            "key": list(resource.key),
            "name": resource.name,
            "before": _side(self.before),
            "after": _side(self.after),
        }


def _side(resource: Resource | None) -> Json:
    return None if resource is None else {"attributes": dict(resource.attributes), "owner": resource.owner}


@dataclass(frozen=True, slots=True)
class Finding:
    """A danger, or a note, about one subject. A blocking one must be accepted by name, if it can be.

    ``second_person``: by two people, a proposer and an approver; one alone cannot.
    """

    name: str
    subject: str
    message: str
    blocking: bool = True
    acceptable: bool = True
    second_person: bool = False

    def as_json(self) -> Mapping[str, Json]:
        """The finding for machines."""
        return {
            "name": self.name,
            "subject": self.subject,
            "message": self.message,
            "blocking": self.blocking,
            "acceptable": self.acceptable,
            "second_person": self.second_person,
        }

    def is_accepted(self, names: Sequence[str], *, by_two: bool) -> bool:
        """Whether these names, or two people, let it pass."""
        return self.acceptable and (by_two if self.second_person else self.name in names)


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order of work, and what is to be said of them. ``target``: the Keystone it was made for.

    ``rollback_to``: the state it leads back to; None where it leads to the policy. ``people``: what it does
    to people, for machines; not under the digest, since somebody may sign in between plan and apply. ``unfinished``:
    what stood before the last apply, where that has not ended well; it changes nothing of what this plan does.
    """

    policy: str
    target: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...] = ()
    rollback_to: WayBack | None = None
    people: "People | None" = None
    unfinished: WayBack | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: two plans that would do the same have the same."""
        return hashlib.sha256(canonical(self._content()).encode()).hexdigest()

    def _content(self) -> Mapping[str, Json]:
        return {
            **({} if self.rollback_to is None else {"rollback_to": self.rollback_to.as_json()}),
            "policy": self.policy,
            "target": self.target,
            "changes": [change.as_json() for change in self.changes],
            "findings": [finding.as_json() for finding in self.findings],
        }

    def as_json(self) -> Mapping[str, Json]:
        """The plan for machines, digest included."""
        people = {} if self.people is None else {"people": self.people.as_json()}
        before = {} if self.unfinished is None else {"unfinished": self.unfinished.as_json()}
        return {**self._content(), **people, **before, "digest": self.digest}

    def batches(self) -> Iterator[Sequence[Change]]:
        """Changes of one kind and direction together, in the order of work."""
        for _, batch in groupby(self.changes, key=lambda change: (change.resource.kind, change.after is None)):
            yield list(batch)

    def unaccepted(self, accepted: Sequence[str], *, by_two: bool = False) -> tuple[Finding, ...]:
        """The findings that stand in the way. ``by_two``: a second person approved of this plan."""
        return tuple(f for f in self.findings if f.blocking and not f.is_accepted(accepted, by_two=by_two))

    @property
    def does_something(self) -> bool:
        """Whether applying it changes Keystone, or who may approve of the plans after it."""
        return bool(self.changes) or any(finding.name in CHANGES_GUARDS for finding in self.findings)


def diff(desired: Desired, observed: Snapshot) -> tuple[Change, ...]:
    """The changes between the two, in the order of work. From an incomplete snapshot nothing is removed."""
    present = {(resource.kind, resource.key): resource for resource in observed.resources}
    changes = [c for wanted in desired.resources if (c := _towards(wanted, present.get((wanted.kind, wanted.key))))]
    if observed.complete:
        changes += _removals(desired, observed)
    return in_order(changes, observed)


def _towards(wanted: Resource, present: Resource | None) -> Change | None:
    if present is None:
        return Change(None, wanted)
    return None if satisfied(wanted, present) else Change(present, wanted)


def satisfied(wanted: Resource, present: Resource | None) -> bool:
    """Whether what is there is what is wanted, mark included where marks count."""
    if present is None or (wanted.kind in _MARKED and present.owner != wanted.owner):
        return False
    return all(present.attributes.get(name) == value for name, value in wanted.attributes.items())


def came_true(changes: Iterable[Change], shown: Snapshot) -> frozenset[Change]:
    """The changes after which Keystone is as it is shown."""
    present = {(resource.kind, resource.key): resource for resource in shown.resources}
    found = []
    for change in changes:
        there = present.get((change.resource.kind, change.resource.key))
        # What a list that was cut short does not show may still be there.
        gone = there is None and shown.complete
        if gone if change.after is None else satisfied(change.after, there):
            found.append(change)
    return frozenset(found)


def _removals(desired: Desired, observed: Snapshot) -> Iterator[Change]:
    """Owned groups, and what owned or desired groups have, that the policy no longer names; providers are closed.

    Deleting a provider or a protocol deletes its people, and a project their servers: that is never planned.
    """
    wanted = {(resource.kind, resource.key) for resource in desired.resources}
    ours = {key for key, group in observed.of(Kind.GROUP).items() if group.owner == desired.owner}
    groups: set[Key] = ours | {key for kind, key in wanted if kind is Kind.GROUP}
    for resource in observed.resources:
        if (resource.kind, resource.key) in wanted:
            continue
        if (resource.kind in (Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP) and resource.key[:2] in groups) or (
            resource.kind is Kind.GROUP and resource.key in ours
        ):
            yield Change(resource, None)
        elif resource.kind is Kind.IDENTITY_PROVIDER and resource.owner == desired.owner:
            closed = Resource(resource.kind, resource.key, {**resource.attributes, "enabled": False}, resource.owner)
            if resource.attributes.get("enabled"):
                yield Change(resource, closed)
