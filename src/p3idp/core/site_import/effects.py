"""What `p3idp plan` would do from the imported policy. Owns which of it leaves everybody's access as it is.

Taking something over puts a mark on it. A mapping of ours beside an old one, and the protocol moved to it, let in the
same people: that was tried login by login before. Everything else is a change that a person must look at.
"""

from collections.abc import Collection, Sequence
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


def effects(changes: Sequence[Change], proven: Collection[str]) -> Effects:
    """The changes by kind; ``proven``: providers whose new mapping was held against the old one."""
    taken_over = [each for each in changes if each.adopts and not each.different]
    rest = [each for each in changes if each not in taken_over]
    moved = [each for each in rest if _moves(each, proven)]
    return Effects(tuple(taken_over), tuple(moved), tuple(each for each in rest if each not in moved))


def _moves(change: Change, proven: Collection[str]) -> bool:
    if change.after is None:
        return False
    if change.resource.kind is Kind.MAPPING:
        return change.resource.key[0].removeprefix("p3idp-") in proven
    return change.resource.kind is Kind.PROTOCOL and change.action == "update" and change.resource.key[0] in proven
