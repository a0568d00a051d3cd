"""A community as one unit of policy text: add, suspend, resume, remove, and whom it names. Owns what becomes of it.

Every change is prepared first and read back as the policy that it would make; what is no valid policy is never
written. Keystone learns of nothing here: that is plan's and apply's.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.policy.community_draft import Wish, drafted
from p3idp.core.policy.community_name import file_name
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import Community, NamedPerson, Policy, Suspension
from p3idp.core.policy.vo_catalogue import Catalogue
from p3idp.errors.community import CommunityExists, CommunityUnknown, PersonUnknown
from p3idp.errors.policy import PolicyInvalid
from p3idp.ports.policy_text import PolicyReader, PolicyWriter

_SHOWN = (Kind.PROJECT, Kind.GROUP, Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)


@dataclass(frozen=True, slots=True)
class TextChange:
    """A change of one community's file, not yet made. ``before`` or ``after`` is None where there is no file.

    ``gone`` and ``come``: what the policy asked for in Keystone until now, and what only from now on.
    """

    name: str
    path: str
    before: bytes | None
    after: bytes | None
    gone: tuple[Resource, ...] = ()
    come: tuple[Resource, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the text stays as it is."""
        return self.before == self.after

    def diff(self) -> Iterator[str]:
        """The difference as lines of a unified diff."""
        old, new = ((text or b"").decode(errors="replace").splitlines() for text in (self.before, self.after))
        names = (f"a/{self.path}" if self.before else "/dev/null", f"b/{self.path}" if self.after else "/dev/null")
        return difflib.unified_diff(old, new, *names, lineterm="")


@dataclass(frozen=True, slots=True)
class Communities:
    """The communities of one policy directory. Planning a change takes the reader alone."""

    reader: PolicyReader

    def find(self, vo: str) -> tuple[Policy, Community]:
        """The policy, and one community of it. Raises CommunityUnknown, CommunityNameBad, PolicyInvalid."""
        name = file_name(vo)
        policy = self.reader.policy({})
        found = next((each for each in policy.communities if each.name == name), None)
        if found is None:
            near = difflib.get_close_matches(name, [each.name for each in policy.communities], n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise CommunityUnknown(f"The policy has no community {name}.{meant}")
        return policy, found

    def add(self, wish: Wish, catalogue: Catalogue | None, now: datetime) -> TextChange:
        """A new community. Raises CommunityExists, CommunityNameBad, EntitlementBad, PolicyInvalid."""
        name = file_name(wish.vo)
        there = {each.casefold(): each for each in self.reader.names()}
        if name.casefold() in there:  # two that differ in capitals alone would be taken for one another
            raise CommunityExists(f"The policy has a community {there[name.casefold()]} already.")
        site = self.reader.site()
        after = self.reader.composed(drafted(wish, name, site, catalogue), site)
        before = self.reader.policy({}) if there else None
        policy = self.reader.policy({name: after})
        _refuse_contradicted(before, policy)
        return self._change(name, None, after, before, policy, now)

    def suspend(self, vo: str, stopped: Suspension, now: datetime) -> TextChange:
        """The community gives nobody anything until it is resumed; nothing changes where it is suspended already."""
        policy, community = self.find(vo)
        return self._edit(policy, community, community.suspended or stopped, now)

    def resume(self, vo: str, now: datetime) -> TextChange:
        """The end of a suspension."""
        policy, community = self.find(vo)
        return self._edit(policy, community, None, now)

    def remove(self, vo: str, now: datetime) -> TextChange:
        """The community's file goes."""
        before, community = self.find(vo)
        text = self.reader.text(community.name)
        return self._change(community.name, text, None, before, self.reader.policy({community.name: None}), now)

    def add_person(self, vo: str, person: NamedPerson, now: datetime) -> TextChange:
        """Somebody more who is named; nothing changes where the very same is said already."""
        policy, community = self.find(vo)
        text = self.reader.text(community.name)
        there = any(replace(each, place=person.place) == person for each in community.people)
        after = text if there else self.reader.with_person(community.name, text, person)
        return self._edited(policy, community, text, after, now)

    def remove_person(self, vo: str, subject: str, provider: str | None, now: datetime) -> TextChange:
        """All that the community says of somebody, at one provider or at all. Raises PersonUnknown."""
        policy, community = self.find(vo)
        asked = [(each.subject, each.identity_provider) for each in community.people]
        gone = [n for n, (who, where) in enumerate(asked) if who == subject and provider in (None, where)]
        if not gone:
            near = difflib.get_close_matches(subject, [who for who, _ in asked], n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise PersonUnknown(f"The community {community.name} names nobody called {subject}.{meant}")
        text = self.reader.text(community.name)
        after = self.reader.without_people(community.name, text, gone)
        return self._edited(policy, community, text, after, now)

    def _edit(self, before: Policy, community: Community, stopped: Suspension | None, now: datetime) -> TextChange:
        name, text = community.name, self.reader.text(community.name)
        after = text if community.suspended == stopped else self.reader.suspended(name, text, stopped)
        return self._edited(before, community, text, after, now)

    def _edited(self, before: Policy, community: Community, text: bytes, after: bytes, now: datetime) -> TextChange:
        policy = before if after == text else self.reader.policy({community.name: after})
        return self._change(community.name, text, after, before, policy, now)

    def _change(
        self, name: str, text: bytes | None, after: bytes | None, before: Policy | None, policy: Policy, now: datetime
    ) -> TextChange:
        old, new = ({} if each is None else _asked(each, now) for each in (before, policy))
        gone = tuple(resource for key, resource in old.items() if key not in new)
        come = tuple(resource for key, resource in new.items() if key not in old)
        return TextChange(name, self.reader.path(name), text, after, gone, come)


def carry_out(change: TextChange, writer: PolicyWriter) -> None:
    """Make the change. Raises CommunityExists, CommunityFileOdd, FileUnusable: then nothing was changed."""
    if not change.nothing:
        writer.write(change.name, change.before, change.after)


def _asked(policy: Policy, now: datetime) -> dict[tuple[Kind, tuple[str, ...]], Resource]:
    resources = (each for each in desired_state(policy, now).resources if each.kind in _SHOWN)
    ordered = sorted(resources, key=lambda each: (_SHOWN.index(each.kind), each.key))
    return {(each.kind, each.key): replace(each, attributes={}) for each in ordered}


def _refuse_contradicted(before: Policy | None, after: Policy) -> None:
    """Two communities may share an entitlement; then somebody's example says otherwise, and a person must decide."""
    failed = [tried for tried in failed_examples(after)]
    known = {tried.example.title for tried in failed_examples(before)} if before and failed else set()
    places = [(*tried.example.place, f"“{tried.example.title}” {tried.difference}") for tried in failed]
    if new := [place for place, tried in zip(places, failed, strict=True) if tried.example.title not in known]:
        hint = "Another community opens with the same entitlement. Change these examples first if that is meant; "
        raise PolicyInvalid(tuple(new), hint=f"{hint}nothing was changed.")
