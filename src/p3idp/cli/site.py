"""``p3idp site config``, and what ``p3idp doctor`` asks at a site. Owns how they are asked."""

from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.client.env import token_from_file
from p3idp.core.login.tokens import RawToken
from p3idp.core.site.findings import Report
from p3idp.ops.doctor import Doctor, diagnose


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
    generated = wiring.wire_site_config(load_settings(settings_file))
    written = generated.write(out_dir, module_version=module_version, check=check)
    if as_json:
        body = {"directory": str(out_dir), "files": written.files, "module": str(written.module), "checked": check}
        click.echo(as_json_text(body))
        return
    verdict = "checked by Apache" if written.checked else "not checked"
    click.echo(f"Written for mod_auth_openidc {written.module}, {verdict}:")
    for name in written.files:
        click.echo(f"  {out_dir / name}")


def examine_site(
    settings_file: str | None, token_file: str | None, apache_config: str | None, keystone_config: tuple[str, ...]
) -> Report:
    """Walk the chain from the identity provider to Keystone; for cli/doctor.py."""
    token = RawToken(token_from_file(token_file)) if token_file else None

    def open_doctor() -> Doctor:
        return wiring.wire_doctor(load_settings(settings_file), apache_config, keystone_config)

    return diagnose(open_doctor, wiring.now(), token)
