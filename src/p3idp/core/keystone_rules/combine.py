"""From the filled-in local objects to one result. Owns how several rules add up, per kind of member.

The first user that is not empty stays; group ids are a set; groups by name repeat whatever was gathered before, once
for each group; the projects of the last local object that has some replace all before.
"""

from collections.abc import Sequence

from p3idp.core.keystone_rules.fill import Filled, Local, Named, named
from p3idp.core.keystone_rules.literals import distinct, groups_of, listed
from p3idp.core.keystone_rules.outcome import Json, Kind, Mapped, Stop, refuse

MAX_GROUPS = 200_000
NO_MATCH = "no rule matches, or those that do give nothing"
_Gathered = dict[Json, tuple[dict[str, int], list[Json]]]


def combine(given: Sequence[tuple[Local, Filled]], *, honours_domain: bool) -> Mapped:
    """The result of local objects and their filled-in parts; ``honours_domain`` from schema 2.0 on. Raises Stop."""
    if not given:
        raise Stop(Kind.NO_MATCH, NO_MATCH, "ValidationError")
    group_ids: set[Json] = set()
    group_names: list[Json] = []
    gathered: _Gathered = {}
    projects: list[Json] = []
    for local, varying in given:
        if local.group is not None:
            _one_group(local.group, group_names, gathered)
            continue
        whole = local.whole(varying)
        if "group" in whole:
            group = whole["group"]
            if "id" in group:
                group_ids.add(group["id"])
            else:
                _one_group(named(group), group_names, gathered)
        if "groups" in whole:
            group_names += groups_of(whole)
        if "group_ids" in whole:
            distinct(listed(whole["group_ids"]), group_ids)
        if "projects" in whole or "projects_json" in whole:
            projects = _projects(whole, honours_domain=honours_domain)
    user = _user(given, honours_domain=honours_domain)
    return Mapped(user, list(group_ids), group_names, projects)


def _one_group(group: Named, names: list[Json], gathered: _Gathered) -> None:
    """Keystone lists all that it has gathered, of every domain, once more for each group."""
    domain, name, whole = group
    known = gathered.get(domain)
    if known is None:
        known = gathered[domain] = ({}, [])
    places, groups = known
    place = places.setdefault(name, len(groups))
    if place == len(groups):
        groups.append(whole)
    else:
        groups[place] = whole
    for _, each in gathered.values():
        names += each
    if len(names) > MAX_GROUPS:
        raise refuse(f"a result that lists groups more than {MAX_GROUPS} times")


def _user(given: Sequence[tuple[Local, Filled]], *, honours_domain: bool) -> Filled:
    """The first that is not empty; with a type, and from schema 2.0 on the domain of the *last* local object."""
    user: Filled = {}
    for local, varying in given:
        user = varying.get("user", local.user)
        if user:
            break
    complete = user.copy()
    if "type" not in complete:
        complete["type"] = "ephemeral"
    if honours_domain and not complete.get("domain"):
        local, varying = given[-1]
        complete["domain"] = local.whole(varying).get("domain")
    return complete


def _projects(local: dict[str, Json], *, honours_domain: bool) -> list[Json]:
    projects = [*local.get("projects", ()), *local.get("projects_json", ())]
    if not honours_domain:
        return projects
    return [each if each.get("domain") else {**each, "domain": local.get("domain")} for each in projects]
