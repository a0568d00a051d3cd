"""`p3idp community add|suspend|resume|remove`. Owns options, the question before a removal, and what is printed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click

from p3idp import wiring
from p3idp.cli.community_place import Place, catalogue_option, name_argument, place_of, place_options
from p3idp.cli.community_text import change_lines, effect_lines
from p3idp.cli.json_text import as_json_text
from p3idp.cli.terminal import harmless
from p3idp.core.policy.community_draft import Wish
from p3idp.core.policy.community_name import file_name
from p3idp.core.policy.model import Suspension
from p3idp.errors.community import NotConfirmed
from p3idp.ops.community import TextChange, carry_out

MAX_REASON = 500


@click.command()
@click.argument("name")
@place_options
@click.option("--entitlement", metavar="URN", help="What opens it; default: what the catalogue says.")
@catalogue_option
@click.option("--project", metavar="NAME", help="Its project; default: the community's name.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role there; repeatable; default: member.")
@click.option("--title", metavar="TEXT", help="What people call it; default: NAME.")
@click.option("--contact", metavar="TEXT", help="Whom to ask for membership; default: the site's contact.")
@click.option("--until", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]), help="The first day that no longer counts.")
def add(
    name: str,
    settings_file: str | None,
    policy_dir: str | None,
    as_json: bool,
    entitlement: str | None,
    catalogue: str | None,
    project: str | None,
    roles: tuple[str, ...],
    title: str | None,
    contact: str | None,
    until: datetime | None,
) -> None:
    """Write the policy file of a new community: entitlement, project, roles, two examples. Overwrites nothing.

    NAME is the community's name as the catalogue has it, such as vo.access.egi.eu or /biomed/vip.
    """
    if entitlement and catalogue:
        raise click.UsageError("Give --entitlement or --catalogue, not both.")
    now, place = wiring.now(), place_of(settings_file, policy_dir)
    end = until.replace(tzinfo=UTC) if until else None
    if end is not None and end <= now:
        raise click.UsageError(f"--until {end:%Y-%m-%d} is over, so nobody would ever get in.")
    wish = Wish(name, entitlement or "", project or "", roles, title or "", contact or "", end)
    known = None if entitlement else place.catalogue(catalogue)
    make(place, place.communities.add(wish, known, now), as_json)


@click.command()
@name_argument
@place_options
@click.option("--reason", metavar="TEXT", default="", help="Told to its people.")
def suspend(name: str, settings_file: str | None, policy_dir: str | None, as_json: bool, reason: str) -> None:
    """Let a community give nobody anything until it is resumed. Its grants go at the next apply, its groups stay."""
    if not reason.isprintable() or len(reason) > MAX_REASON:
        raise click.UsageError(f"--reason must be one line of at most {MAX_REASON} characters.")
    now, place = wiring.now(), place_of(settings_file, policy_dir)
    stopped = Suspension(now.replace(microsecond=0), reason.strip())
    make(place, place.communities.suspend(name, stopped, now), as_json)


@click.command()
@name_argument
@place_options
def resume(name: str, settings_file: str | None, policy_dir: str | None, as_json: bool) -> None:
    """End the suspension of a community. Its people are back at the next apply, without signing in anew."""
    place = place_of(settings_file, policy_dir)
    make(place, place.communities.resume(name, wiring.now()), as_json)


@click.command()
@name_argument
@place_options
@click.option("--yes", is_flag=True, help="Remove it without asking for its name.")
def remove(name: str, settings_file: str | None, policy_dir: str | None, as_json: bool, yes: bool) -> None:
    """Show what would go with a community, and take its policy file away once its name is typed."""
    if as_json and not yes:
        raise click.UsageError("With --json nobody can be asked: give --yes.")
    place = place_of(settings_file, policy_dir)
    change = place.communities.remove(name, wiring.now())

    def ask() -> None:
        for line in effect_lines(change):
            click.echo(line)
        if not yes and file_name(click.prompt("Type the community's name to remove it", type=str)) != change.name:
            raise NotConfirmed(f"The community {change.name} was not removed.")

    make(place, change, as_json, ask)


def make(place: Place, change: TextChange, as_json: bool, ask: Callable[[], None] | None = None) -> None:
    """Carry a change out and say so; ``ask`` shows what goes, and may end it."""
    following = f"p3idp plan{place.options}"
    if ask is not None and not as_json:
        ask()
    carry_out(change, place.text)
    if as_json:
        click.echo(as_json_text(_as_json(change, following), indent=2))
        return
    for line in (*change_lines(change, effects=ask is None), *_ending(place, change, following)):
        click.echo(line)


def _ending(place: Place, change: TextChange, following: str) -> Iterator[str]:
    file = harmless(str(place.directory / change.path))
    if change.nothing:
        yield f"Nothing to change: {file} says so already."
        return
    word = "Written" if change.before is None else "Removed" if change.after is None else "Changed"
    yield f"{word}: {file}"
    if change.after is None:
        yield f"To undo it, put the lines above back (in a git checkout: git checkout -- {harmless(change.path)})."
    yield f"To see what this does to Keystone: {following}"


def _as_json(change: TextChange, following: str) -> dict[str, object]:
    return {
        "name": change.name,
        "path": change.path,
        "changed": not change.nothing,
        "diff": "\n".join(change.diff()),
        "gone": [{"kind": each.kind.value, "name": each.name} for each in change.gone],
        "come": [{"kind": each.kind.value, "name": each.name} for each in change.come],
        "next": following,
    }
