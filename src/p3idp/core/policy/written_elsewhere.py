"""What a site writes about a community outside Keystone, made from the policy: for cASO's accounting, and for EGI's
list of sites. Owns both texts.

cASO (its documentation, "Setting VO mapping") reads a project's VO from the property that ``vo_property`` names, and
prefers ids in ``projects``; its file voms.json is deprecated. EGI's list has one file a site, with ``vos:`` in it.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping

from p3idp.core.policy.model import Community, Project, ProjectRef
from p3idp.core.policy.vo_catalogue import VO_PROPERTY, Catalogue, Standing, standing, vo_name

Ids = Mapping[ProjectRef, str]
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9._/-]*")


def caso_lines(community: Community, ids: Ids) -> Iterator[str]:
    """For caso.conf. ``ids``: of the projects that are known in Keystone."""
    yield f"# caso.conf: {community.name}. cASO's user needs the role reader on each project."
    for project in community.projects:
        ref, identity = project.ref, ids.get(project.ref)
        if identity is None:
            yield f"# {ref}: its id is not known here; {_remedy(project)}"
        if VO_PROPERTY not in dict(project.properties):
            yield f"# {ref} does not say its VO yet: {_say_vo(community, project, identity)}"
    yield from ("[DEFAULT]", f"vo_property = {VO_PROPERTY}")
    known = [ids[project.ref] for project in community.projects if project.ref in ids]
    yield "# Add to what the list holds already:"
    yield f"projects = {','.join(known)}" if known else "# projects ="


def catalogue_lines(community: Community, ids: Ids, catalogue: Catalogue | None = None) -> Iterator[str]:
    """For the site's file in EGI's list; and for vo-mappings.yaml, where ``catalogue`` does not have it right."""
    name = _yaml(vo_name(community))
    yield "# The site's file in EGI's list of sites, below `vos:`."
    for project in community.projects:
        yield f"  - name: {name}"
        yield "    auth:"
        if project.ref in ids:
            yield f"      project_id: {ids[project.ref]}"
        else:
            yield f'      project_id: ""  # {project.ref}: not known here; {_remedy(project)}'
    if catalogue is not None and standing(community, catalogue) is not Standing.SAME:
        yield f"# vo-mappings.yaml, where this community is {standing(community, catalogue)}; below `vos:`."
        yield from (f"  {name}: {json.dumps(str(rule.entitlement))}" for rule in community.rules[:1])


def _remedy(project: Project) -> str:
    made = "" if project.existing else ", once `p3idp apply` has made it"
    return f"ask Keystone with --keystone{made}"


def _say_vo(community: Community, project: Project, identity: str | None) -> str:
    value = f"{VO_PROPERTY}={vo_name(community)}"
    if project.existing:
        return f"openstack project set --property {shlex.quote(value)} {identity or '<its id>'}"
    return f"`properties: {{{VO_PROPERTY}: {_yaml(vo_name(community))}}}` in the policy, then plan and apply"


def _yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
