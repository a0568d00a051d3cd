"""`p3idp export`. Owns its options and what is printed; what other tools are told is core/export's."""

from datetime import UTC
from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, settings_option
from p3idp.cli.policy_option import policy_in_force, policy_option
from p3idp.cli.terminal import harmless, harmless_lines
from p3idp.errors import ExitStatus
from p3idp.ops.export import FORMATS, Exported


@click.command()
@settings_option
@json_option
@policy_option
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="The tool that is to go on.")
@click.option(
    "--to", "target", metavar="DIR", default="-", show_default=True, help="A new directory; - prints the files."
)
def export(settings_file: str | None, as_json: bool, policy_dir: str | None, form: str, target: str) -> int:
    """Write down what the policy wants in Keystone for a tool that goes on without p3idp.

    openstack: a shell script of openstack commands, and a file of rules for each mapping. kolla-ansible: its
    variables, and a playbook for what they cannot say. ansible: that playbook. No Keystone is asked, nothing is
    overwritten, and no file holds a secret.
    """
    exporter = wiring.wire_export()
    exported = exporter.run(policy_in_force(settings_file, policy_dir), form, wiring.now())
    written = None if target == "-" else Path(target)
    if written is not None:
        exporter.write(exported, str(written))
    if as_json:
        click.echo(as_json_text(_json(exported, form, written)))
        return ExitStatus.OK
    if written is None:
        for name, text in exported.files.items():
            click.echo(f"--- {name}\n{harmless_lines(text)}")
    for line in _lines(exported, written):
        click.echo(harmless(line), err=written is None)
    return ExitStatus.OK


def _json(exported: Exported, form: str, written: Path | None) -> dict[str, object]:
    origin = exported.origin
    return {
        "files": dict(exported.files),
        "format": form,
        "later": list(origin.later),
        "made_at": origin.made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "policy": origin.policy,
        "policy_digest": origin.digest,
        "written": None if written is None else str(written),
    }


def _lines(exported: Exported, written: Path | None) -> list[str]:
    lines = [] if written is None else [f"Written: {', '.join(str(written / name) for name in exported.files)}"]
    if exported.origin.later:
        lines += ["Nothing in it does what the policy still says for later:", *exported.origin.later]
    return lines
