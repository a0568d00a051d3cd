"""What `p3idp plan` would do from the imported policy. Owns which of it leaves everybody's access as it is.

Taking something over puts a mark on it. A mapping of ours beside an old one, and the protocol moved to it, let in the
same people: that was tried login by login before. Everything else is a change that a person must look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind


@dataclass(frozen=True, slots=True)
class Effects:
    """``empty``: the plan says nothing. ``taken_over`` and ``moved`` change nobody's access; ``others`` may."""

    taken_over: Sequence[Change]
    moved: Sequence[Change]
    others: Sequence[Change]

    @property
    def empty(self) -> bool:
        """Whether Keystone holds just what the policy says."""
        return not (self.taken_over or self.moved or self.others)


def effects(changes: Sequence[Change]) -> Effects:
    """The changes by kind. Every provider of the imported policy was held against its old mapping."""
    taken_over = [each for each in changes if each.adopts and not each.different]
    rest = [each for each in changes if each not in taken_over]
    moved = [each for each in rest if each.resource.kind in (Kind.MAPPING, Kind.PROTOCOL)]
    return Effects(tuple(taken_over), tuple(moved), tuple(each for each in rest if each not in moved))
