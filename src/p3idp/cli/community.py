"""`p3idp community`: communities as policy text. Owns the group's list of commands."""

from collections.abc import Mapping

import click

from p3idp.cli.lazy import Entry, LazyGroup

COMMUNITY_COMMANDS: Mapping[str, Entry] = {
    "add": Entry("p3idp.cli.community_change:add", "Write the policy file of a new community."),
    "list": Entry("p3idp.cli.community_show:list_all", "List the communities of the policy."),
    "show": Entry("p3idp.cli.community_show:show", "Show one community, and what a site writes about it elsewhere."),
    "suspend": Entry("p3idp.cli.community_change:suspend", "Let a community give nobody anything for now."),
    "resume": Entry("p3idp.cli.community_change:resume", "End the suspension of a community."),
    "add-person": Entry("p3idp.cli.community_people:add_person", "Name somebody who has access before they come."),
    "remove-person": Entry("p3idp.cli.community_people:remove_person", "Take somebody who is named out again."),
    "remove": Entry("p3idp.cli.community_change:remove", "Take the policy file of a community away."),
}


@click.group(cls=LazyGroup, table=COMMUNITY_COMMANDS)
def community() -> None:
    """Add, list, suspend and remove communities (VOs) as policy text.

    Keystone is never written here: `p3idp plan` and `p3idp apply` follow.
    """
