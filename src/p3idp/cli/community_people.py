"""`p3idp community add-person|remove-person`. Owns their options, and what stands in for those that are not given."""

from datetime import UTC, datetime

import click

from p3idp import wiring
from p3idp.cli.community_change import make
from p3idp.cli.community_place import name_argument, place_of, place_options
from p3idp.core.policy.model import Community, NamedPerson, Policy, ProjectRef, ProviderId, Validity
from p3idp.errors.command import UsageMistaken

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("add-person")
@name_argument
@click.argument("subject")
@place_options
@click.option("--identity-provider", "provider", metavar="ID", help="Whose subject it is; default: the only one.")
@click.option("--project", "projects", metavar="NAME", multiple=True, help="Where; repeatable; default: the only one.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role there; repeatable; default: member.")
@click.option("--name", "called", metavar="TEXT", default="", help="What people call them; it decides nothing.")
@click.option("--from", "start", metavar="DAY", type=_DAY, help="The first day that counts.")
@click.option("--until", metavar="DAY", type=_DAY, help="The first day that no longer counts.")
def add_person(
    name: str,
    subject: str,
    settings_file: str | None,
    policy_dir: str | None,
    as_json: bool,
    provider: str | None,
    projects: tuple[str, ...],
    roles: tuple[str, ...],
    called: str,
    start: datetime | None,
    until: datetime | None,
) -> None:
    """Name somebody in a community's file: they have access from the next apply on, before they ever signed in.

    SUBJECT is the identity provider's own name of the person, to the letter, such as 3f2a…@egi.eu.
    """
    now, place = wiring.now(), place_of(settings_file, policy_dir)
    first, end = (each.replace(tzinfo=UTC) if each else None for each in (start, until))
    if end is not None and end <= now:
        raise click.UsageError(f"--until {end:%Y-%m-%d} is over, so they would never get in.")
    policy, community = place.communities.find(name)
    held = tuple(sorted(set(roles or ("member",))))
    person = NamedPerson(
        subject=subject,
        identity_provider=ProviderId(provider or _only_provider(policy)),
        grants=tuple((ref, held) for ref in _projects(policy, community, projects)),
        validity=Validity(first, end),
        name=called,
    )
    make(place, place.communities.add_person(name, person, now), as_json)


@click.command("remove-person")
@name_argument
@click.argument("subject")
@place_options
@click.option("--identity-provider", "provider", metavar="ID", help="Only what is said of them at this one.")
def remove_person(
    name: str,
    subject: str,
    settings_file: str | None,
    policy_dir: str | None,
    as_json: bool,
    provider: str | None,
) -> None:
    """Take somebody who is named out of a community's file. Their rights by name end at the next apply."""
    place = place_of(settings_file, policy_dir)
    make(place, place.communities.remove_person(name, subject, provider, wiring.now()), as_json)


def _only_provider(policy: Policy) -> str:
    known = [str(each.id) for each in policy.site.identity_providers]
    if len(known) > 1:
        raise UsageMistaken(
            f"The policy has {len(known)} identity providers, and a subject is one provider's.",
            hint=f"Say whose it is: --identity-provider {' or '.join(known)}.",
        )
    return known[0]


def _projects(policy: Policy, community: Community, names: tuple[str, ...]) -> list[ProjectRef]:
    known = {project.ref.name: project.ref for project in community.projects}
    if not names and len(known) != 1:
        raise UsageMistaken(
            f"The community {community.name} has {len(known)} projects.", hint=f"Say --project: {', '.join(known)}."
        )
    # One that the community lacks is the loader's to refuse, with what was meant.
    return sorted({known.get(name, ProjectRef(policy.site.domain, name)) for name in names or known})
