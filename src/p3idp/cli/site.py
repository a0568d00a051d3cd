"""``p3idp site config`` and ``p3idp doctor``. Owns how they are asked and shown."""

from pathlib import Path

import click

from p3idp.cli.options import json_option, settings_option


@click.group()
def site() -> None:
    """Generate the configuration of Apache, Keystone and Horizon."""


@site.command("config")
@settings_option
@click.option(
    "--out", "out_dir", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where to write."
)
@click.option("--module-version", metavar="X.Y.Z", help="mod_auth_openidc on Keystone's host; default: the one here.")
@click.option("--check/--no-check", default=True, help="Let Apache check the files before they are written.")
@json_option
def site_config(
    settings_file: str | None, out_dir: Path, module_version: str | None, check: bool, as_json: bool
) -> None:
    """Write what Apache, Keystone and Horizon need, as the policy and the settings say."""
    import json

    from p3idp.settings import load_settings
    from p3idp.wiring import wire_site_config

    written = wire_site_config(load_settings(settings_file)).write(out_dir, module_version=module_version, check=check)
    if as_json:
        body = {"directory": str(out_dir), "files": written.files, "module": str(written.module), "checked": check}
        click.echo(json.dumps(body, sort_keys=True))
        return
    verdict = "checked by Apache" if written.checked else "not checked"
    click.echo(f"Written for mod_auth_openidc {written.module}, {verdict}:")
    for name in written.files:
        click.echo(f"  {out_dir / name}")
