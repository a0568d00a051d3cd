"""What several rules or communities have in common. Owns what they must agree on."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from p3idp.adapters.policy_files.community import CommunityReader
from p3idp.core.policy.model import AccessRule, NamedPerson, ProjectRef
from p3idp.errors.policy import Place


def shared_groups(rules: Iterable[AccessRule]) -> Iterable[Place]:
    """Rules that would share a group in Keystone while asking for different things and giving different things.

    A group carries the grants of all its rules: whoever satisfied the easiest would get everything. Rules of one
    community that give the same may ask for different things: then it does not matter which one is satisfied.
    """
    by_group: defaultdict[str, list[AccessRule]] = defaultdict(list)
    for rule in rules:
        by_group[rule.group].append(rule)
    for group, sharing in by_group.items():
        if len({rule.condition for rule in sharing}) == 1 or len({(r.place[0], r.grants) for r in sharing}) == 1:
            continue
        first = sharing[0]
        for rule in sharing[1:]:
            if (rule.condition, rule.grants) != (first.condition, first.grants):
                told = (
                    f"shares the group `{group}` with {first.place[0]}:{first.place[1]}, which asks for something else "
                    "and gives something else; name one `group:`"
                )
                yield (*rule.place, told)


def alike_groups(rules: Iterable[AccessRule]) -> Iterable[Place]:
    """Groups whose names MariaDB's usual collation takes for one: capitals and accents do not count there."""
    seen: dict[str, AccessRule] = {}
    for rule in rules:
        decomposed = unicodedata.normalize("NFKD", rule.group.casefold())
        first = seen.setdefault("".join(c for c in decomposed if not unicodedata.combining(c)), rule)
        if first.group != rule.group:
            told = (
                f"the group `{rule.group}` differs from `{first.group}` ({first.place[0]}:{first.place[1]}) only in "
                "capitals or accents, which Keystone's database may take for one group; name one `group:`"
            )
            yield (*rule.place, told)


def alike_people(people: Iterable[NamedPerson]) -> Iterable[Place]:
    """People whom MariaDB's usual collation takes for one user: capitals do not count there."""
    seen: dict[tuple[str, str], NamedPerson] = {}
    for person in people:
        first = seen.setdefault((person.identity_provider, person.subject.casefold()), person)
        if first.subject != person.subject:
            told = (
                f"`{person.subject}` differs from `{first.subject}` ({first.place[0]}:{first.place[1]}) only in "
                "capitals, and Keystone's database may take the two for one person; name one of them"
            )
            yield (*person.place, told)


def shared_projects(readers: Iterable[CommunityReader]) -> Iterable[Place]:
    """Projects that two communities share while saying different things of one property."""
    said: dict[tuple[ProjectRef, str], tuple[str, str]] = {}
    for reader in readers:
        for key, project in reader.projects.items():
            for name, value in project.properties:
                first, other = said.setdefault((project.ref, name), (value, reader.mistakes.document.file))
                if first != value:
                    place = reader.mistakes.place(("projects", key, "properties", name))
                    yield *place, f"`{name}` of the project {project.ref} is `{first}` in {other}; it can be one thing"
