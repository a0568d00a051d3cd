"""`p3idp community list` and `show`. Owns options and the JSON of both."""

from typing import Any

import click

from p3idp import wiring
from p3idp.cli.community_place import catalogue_option, name_argument, place_of, place_options
from p3idp.cli.community_text import day, table_lines, view_lines
from p3idp.cli.json_text import as_json_text
from p3idp.cli.terminal import harmless
from p3idp.core.policy.community_view import CommunityView, view, views
from p3idp.core.policy.model import Project
from p3idp.core.policy.written_elsewhere import Ids, caso_lines, catalogue_lines


@click.command("list")
@place_options
@catalogue_option
def list_all(settings_file: str | None, policy_dir: str | None, as_json: bool, catalogue: str | None) -> None:
    """List the communities of the policy: state, end, projects, entitlements, and how each stands to the catalogue."""
    place = place_of(settings_file, policy_dir)
    known = place.catalogue(catalogue)
    found = views(place.text.policy({}), known, wiring.now())
    if as_json:
        _print_json({"communities": [_as_json(each) for each in found]})
        return
    for line in table_lines(found):
        click.echo(line)


@click.command()
@name_argument
@place_options
@catalogue_option
@click.option("--caso", is_flag=True, help="Print what cASO's configuration needs.")
@click.option("--catalogue-entry", is_flag=True, help="Print the entry for EGI's list of sites.")
@click.option("--keystone", is_flag=True, help="Ask Keystone for the ids of projects.")
def show(
    name: str,
    settings_file: str | None,
    policy_dir: str | None,
    as_json: bool,
    catalogue: str | None,
    caso: bool,
    catalogue_entry: bool,
    keystone: bool,
) -> None:
    """Show one community; with --caso or --catalogue-entry print what a site writes about it elsewhere."""
    place = place_of(settings_file, policy_dir)
    known = place.catalogue(catalogue)
    found = view(place.communities.find(name)[1], known, wiring.now())
    ids = wiring.wire_project_ids(place.settings_for("--keystone")) if keystone else {}
    snippets = {
        "caso": list(caso_lines(found.community, ids)),
        "catalogue_entry": list(catalogue_lines(found.community, ids, known)),
    }
    if as_json:
        _print_json(_as_json(found, ids) | {name: "\n".join(lines) for name, lines in snippets.items()})
        return
    wanted = [lines for lines, asked in zip(snippets.values(), (caso, catalogue_entry), strict=True) if asked]
    for line in [line for lines in wanted for line in lines] if wanted else view_lines(found):
        click.echo(harmless(line))


def _as_json(each: CommunityView, ids: Ids | None = None) -> dict[str, Any]:
    community, stopped = each.community, each.community.suspended
    validity = {"from": community.validity.start, "until": community.validity.until}
    return {
        "name": community.name,
        "vo": each.vo,
        "title": community.title,
        "contact": community.contact,
        "state": each.state.value,
        "suspended": {"since": stopped.since.isoformat(), "reason": stopped.reason} if stopped else None,
        "valid": {name: moment.isoformat() if moment else None for name, moment in validity.items()},
        "catalogue": each.standing.value if each.standing else None,
        "projects": [_project(project, ids or {}) for project in community.projects],
        "access": [
            {
                "entitlement": str(rule.entitlement),
                "group": rule.group,
                "projects": {str(project): list(roles) for project, roles in rule.grants},
                "until": day(rule.validity.until) or None,
            }
            for rule in community.rules
        ],
        "people": [
            {
                "subject": person.subject,
                "identity_provider": str(person.identity_provider),
                "name": person.name,
                "group": person.group,
                "projects": {str(project): list(roles) for project, roles in person.grants},
                "from": day(person.validity.start) or None,
                "until": day(person.validity.until) or None,
            }
            for person in community.people
        ],
        "examples": len(community.examples),
    }


def _project(project: Project, ids: Ids) -> dict[str, Any]:
    return {
        "name": project.ref.name,
        "domain": project.ref.domain,
        "existing": project.existing,
        "properties": dict(project.properties),
        "id": ids.get(project.ref),
    }


def _print_json(body: object) -> None:
    click.echo(as_json_text(body, indent=2))
