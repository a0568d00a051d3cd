"""`p3idp mapping`: what mapping rules do. Owns the group's list of commands."""

from collections.abc import Mapping

import click

from p3idp.cli.lazy import Entry, LazyGroup

MAPPING_COMMANDS: Mapping[str, Entry] = {
    "evaluate": Entry("p3idp.cli.mapping_evaluate:evaluate", "Answer as Keystone's own mapping engine would.", ""),
    "lint": Entry("p3idp.cli.mapping_lint:lint", "Find defects in policies, mappings and catalogues."),
    "replay": Entry("p3idp.cli.mapping_replay:replay_command", "Replay remembered logins against a draft."),
    "test": Entry("p3idp.cli.mapping_test:test", "Run the examples that a policy carries."),
}


@click.group(cls=LazyGroup, table=MAPPING_COMMANDS)
def mapping() -> None:
    """Evaluate Keystone mappings as Keystone does."""
