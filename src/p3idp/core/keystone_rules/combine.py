"""From the filled-in local objects to one result. Owns how several rules add up, per kind of member.

The first user that is not empty stays; group ids are a set; groups by name repeat whatever was gathered before, once
for each group; the projects of the last local object that has some replace all before.
"""

from collections.abc import Sequence

from p3idp.core.keystone_rules.literals import distinct, groups_of, listed
from p3idp.core.keystone_rules.outcome import Json, Kind, Mapped, Stop, refuse

MAX_GROUPS = 200_000
NO_MATCH = "no rule matches, or those that do give nothing"


def combine(locals_: Sequence[dict[str, Json]], *, honours_domain: bool) -> Mapped:
    """The result of filled-in local objects; ``honours_domain`` from schema 2.0 on. Raises Stop."""
    if not locals_:
        raise Stop(Kind.NO_MATCH, NO_MATCH, "ValidationError")
    user: dict[str, Json] = {}
    group_ids: set[Json] = set()
    group_names: list[Json] = []
    by_domain: dict[Json, dict[str, Json]] = {}
    projects: list[Json] = []
    for local in locals_:
        if not user and "user" in local:
            user = local["user"]
        group = local.get("group")
        if group is not None:
            if "id" in group:
                group_ids.add(group["id"])
            else:
                _one_group(group, group_names, by_domain)
        if "groups" in local:
            group_names += groups_of(local)
        if "group_ids" in local:
            distinct(listed(local["group_ids"]), group_ids)
        if "projects" in local or "projects_json" in local:
            projects = _projects(local, honours_domain=honours_domain)
    return Mapped(_user(user, local.get("domain"), honours_domain), list(group_ids), group_names, projects)


def _one_group(group: dict[str, Json], names: list[Json], by_domain: dict[Json, dict[str, Json]]) -> None:
    """Keystone lists all that it has gathered, of every domain, once more for each group."""
    domain = group["domain"]
    key = domain.get("name") or domain.get("id")
    if key in by_domain:
        by_domain[key][group["name"]] = group
    else:
        by_domain[key] = {group["name"]: group}
    for groups in by_domain.values():
        names += groups.values()
    if len(names) > MAX_GROUPS:
        raise refuse(f"a result that lists groups more than {MAX_GROUPS} times")


def _user(user: dict[str, Json], last_domain: Json, honours_domain: bool) -> dict[str, Json]:
    """The user as later steps want it: with a type, and from schema 2.0 on the domain of the *last* local object."""
    complete = user.copy()
    if "type" not in complete:
        complete["type"] = "ephemeral"
    if honours_domain and not complete.get("domain"):
        complete["domain"] = last_domain
    return complete


def _projects(local: dict[str, Json], *, honours_domain: bool) -> list[Json]:
    projects = [*local.get("projects", ()), *local.get("projects_json", ())]
    if not honours_domain:
        return projects
    return [each if each.get("domain") else {**each, "domain": local.get("domain")} for each in projects]
