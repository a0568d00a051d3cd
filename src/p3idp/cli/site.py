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


@click.command()
@settings_option
@json_option
@click.option(
    "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A person's access token."
)
@click.option("--apache-config", metavar="FILE", help="Apache's configuration; default: the generated one.")
@click.option("--keystone-config", metavar="FILE", multiple=True, help="keystone.conf; may be given several times.")
def doctor(
    settings_file: str | None,
    as_json: bool,
    token_file: Path | None,
    apache_config: str | None,
    keystone_config: tuple[str, ...],
) -> int:
    """Check the chain from the identity provider to Keystone, and say what is wrong and what to try."""
    from p3idp.cli.site_report import as_table, to_json
    from p3idp.core.login.tokens import RawToken
    from p3idp.core.secret import Secret
    from p3idp.ops.doctor import diagnose
    from p3idp.settings import load_settings
    from p3idp.wiring import now, wire_doctor

    token = RawToken(Secret(token_file.read_text(encoding="utf-8").strip())) if token_file else None
    report = diagnose(lambda: wire_doctor(load_settings(settings_file), apache_config, keystone_config), now(), token)
    click.echo(to_json(report) if as_json else as_table(report))
    return int(report.exit_status)
