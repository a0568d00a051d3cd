"""`p3idp mapping lint`: what is wrong with a policy, a mapping or a catalogue. Owns its options."""

import warnings

import click

from p3idp import wiring
from p3idp.cli.lint_text import as_json as json_text
from p3idp.cli.lint_text import as_text
from p3idp.cli.options import environment_named, json_option, load_settings, settings_option
from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.ops.lint import exit_status
from p3idp.ports.request import request_id
from p3idp.settings import Settings, settings_path


@click.command()
@settings_option
@json_option
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True))
@click.option("--online", is_flag=True, help="Also look names up in the settings' Keystone.")
@click.option("--schema-version", type=click.Choice(VERSIONS), help="Of rules that name none; Keystone takes 1.0.")
@click.option("--identity-provider", metavar="ID", help="Whose mapping it is; default: the only one.")
@click.option("--strict", is_flag=True, help="End with status 4 for warnings too.")
def lint(
    paths: tuple[str, ...],
    settings_file: str | None,
    as_json: bool,
    online: bool,
    schema_version: str | None,
    identity_provider: str | None,
    strict: bool,
) -> int:
    """Find defects in policy directories, Keystone mappings (JSON) and catalogues of communities (YAML).

    Each comes with its place, a login that shows the harm, and what to write instead. Without PATH, the policy of the
    settings is looked at. docs/reference/lint.md has every finding.

    Exit status: 0 nothing worse than warnings, 4 an error was found.
    """
    warnings.simplefilter("ignore")  # Python's remarks about the style of other people's patterns
    request_id.set(wiring.new_request_id())
    settings = _settings(settings_file, needed=online or not paths)
    chosen = paths or ((str(settings.policy_dir),) if settings else ())
    environment = settings.environment if settings else environment_named()
    linter = wiring.wire_lint(settings, online=online, environment=environment)
    found = linter.run(chosen, wiring.now(), schema_version, identity_provider)
    status = exit_status(found, strict=strict)
    click.echo(json_text(found, status) if as_json else as_text(found))
    return status


def _settings(settings_file: str | None, *, needed: bool) -> Settings | None:
    """The settings, if they are needed or there are any: files alone can be looked at anywhere."""
    if needed or settings_file is not None or settings_path().exists():
        return load_settings(settings_file)
    return None
