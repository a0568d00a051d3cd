"""A new community made of few words: its name, and where they are needed an entitlement, a project, roles.

Owns what is filled in: the entitlement from the catalogue, the project's ``egi.VO``, and two examples, of who gets in
and who does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import AccessRule, Community, Example, Project, ProjectRef, Site, Validity
from p3idp.core.policy.quoted import quoted
from p3idp.core.policy.suggest import is_plain, suggest
from p3idp.core.policy.vo_catalogue import VO_PROPERTY, Catalogue
from p3idp.errors.community import EntitlementBad

ROLE = "member"
_LONGEST_PROJECT = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; what is left empty is filled in. ``vo``: the community's name as the world writes it."""

    vo: str
    entitlement: str = ""
    project: str = ""
    roles: tuple[str, ...] = ()
    title: str = ""
    contact: str = ""
    until: datetime | None = None


def drafted(wish: Wish, name: str, site: Site, catalogue: Catalogue | None) -> Community:
    """The community; ``name`` is its file's. Raises EntitlementBad."""
    text = wish.entitlement or _published(wish.vo, catalogue)
    entitlement = _understood(text, catalogue.entries[wish.vo].place if catalogue and not wish.entitlement else None)
    project = ProjectRef(site.domain, (wish.project or name)[:_LONGEST_PROJECT])
    title = wish.title or wish.vo
    access = ((project, tuple(sorted(set(wish.roles or (ROLE,))))),)
    return Community(
        name=name,
        title=title,
        contact=wish.contact or site.contact,
        projects=(Project(project, f"Machines of {title}", properties=((VO_PROPERTY, wish.vo),)),),
        rules=(AccessRule(entitlement, access),),
        examples=_examples(text, entitlement, access, site),
        validity=Validity(until=wish.until),
    )


def _published(vo: str, catalogue: Catalogue | None) -> str:
    if catalogue is None:
        hint = "Give it with --entitlement URN, or a local copy of EGI's vo-mappings.yaml with --catalogue FILE."
        raise EntitlementBad(f"Nothing says which entitlement opens {vo}.", hint=hint)
    if vo not in catalogue.entries:
        near = catalogue.near(vo)
        meant = f" Did you mean {near}?" if near else ""
        raise EntitlementBad(f"{catalogue.file} does not list {vo}.{meant}")
    return catalogue.entries[vo].text


def _understood(text: str, place: tuple[str, int] | None) -> Entitlement:
    parsed = parse_entitlement(text) if is_plain(text) else None
    if parsed is not None:
        return parsed
    where = f"{place[0]}:{place[1]}: " if place else ""
    likely = suggest(text)
    meant = f"; did you mean {likely}?" if likely else ""
    told = f"{where}{quoted(text)} is not a group entitlement{meant}"
    if likely:
        hint = f'If that is what it means, give it with --entitlement "{likely}"; ask the community\'s managers.'
        raise EntitlementBad(told, hint=hint)
    raise EntitlementBad(told)


def _examples(
    text: str, entitlement: Entitlement, access: tuple[tuple[ProjectRef, tuple[str, ...]], ...], site: Site
) -> tuple[Example, ...]:
    provider = site.identity_providers[0]
    claim = provider.claims.entitlements[0]

    def example(title: str, held: str, given: tuple[tuple[ProjectRef, tuple[str, ...]], ...]) -> Example:
        claims: Mapping[str, object] = {claim: held}
        return Example(title, claims, given, provider.id)

    project = access[0][0].name
    return (
        example(f"Who holds the entitlement works in {project}", text, access),
        example(*_outsider(entitlement), ()),
    )


def _outsider(entitlement: Entitlement) -> tuple[str, str]:
    """Somebody who is nearly right: a plain member where a role is asked for, else one of a group named alike."""
    group = f"{entitlement.namespace}:group:{':'.join(entitlement.path)}"
    if entitlement.role not in (None, "member"):
        return "A plain member does not get in", f"{group}:role=member"
    first, *rest = entitlement.path
    alike = ":".join([f"{first}.example.org", *rest])
    role = f":role={entitlement.role}" if entitlement.role else ""
    return "A community whose name only begins the same does not get in", f"{entitlement.namespace}:group:{alike}{role}"
