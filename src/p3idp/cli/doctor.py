"""``p3idp doctor``: of a researcher's machine, or of a site. Owns which of the two is meant, and their options."""

import os
from typing import TYPE_CHECKING

import click

from p3idp.cli.lazy import is_installed, require
from p3idp.cli.options import json_option, settings_option
from p3idp.cli.site_report import as_table, to_json
from p3idp.errors.command import UsageMistaken

if TYPE_CHECKING:
    from p3idp.core.site.findings import Report

_SETTINGS = "P3IDP_SETTINGS"


@click.command()
@click.option("--client", is_flag=True, help="Check this machine as a researcher's, although it has settings.")
@click.option("--cloud", metavar="NAME", help="Which cloud; default: the one in use.")
@click.option("--broker", metavar="URL", help="The site's broker, before the first sign-in.")
@click.option("--ca-file", metavar="FILE", help="Trust this CA bundle.")
@settings_option
@json_option
@click.option("--token-file", metavar="FILE", help="A person's access token, for a site; - is standard input.")
@click.option("--apache-config", metavar="FILE", help="Apache's configuration; default: the generated one.")
@click.option("--keystone-config", metavar="FILE", multiple=True, help="keystone.conf; may be given several times.")
def doctor(
    client: bool,
    cloud: str | None,
    broker: str | None,
    ca_file: str | None,
    settings_file: str | None,
    as_json: bool,
    token_file: str | None,
    apache_config: str | None,
    keystone_config: tuple[str, ...],
) -> int:
    """Check this machine, or a site's chain from the identity provider to Keystone, and say what to try.

    Where there are settings of a site (--settings, $P3IDP_SETTINGS, /etc/p3idp/settings.toml) the site's chain is
    checked. Elsewhere this machine is: clock, trust, servers, what is kept, versions. Nothing is changed.
    """
    mine = client or bool(cloud or broker or ca_file)
    sites = bool(settings_file or token_file or apache_config or keystone_config)
    if mine and sites:
        raise UsageMistaken("Options of a site and of a researcher's machine exclude each other.")
    if sites or (not mine and _has_settings()):
        require("server", "p3idp doctor --settings")
        from p3idp.cli.site import examine_site  # with it comes the server

        report = examine_site(settings_file, token_file, apache_config, keystone_config)
        return _shown(as_table(report), to_json(report), report, as_json=as_json)
    from p3idp.client.doctor.walk import diagnose
    from p3idp.client.doctor.words import CHECKS
    from p3idp.client.here import machine

    given = {"broker": broker or "", "ca_file": os.path.abspath(ca_file) if ca_file else ""}
    report = diagnose(machine(), cloud, given)
    return _shown(as_table(report), to_json(report, CHECKS), report, as_json=as_json)


def _shown(table: str, text: str, report: "Report", *, as_json: bool) -> int:
    click.echo(text if as_json else table)
    return report.exit_status


def _has_settings() -> bool:
    """Whether this host is a site's. The usual place counts where the server is installed alone."""
    if os.environ.get(_SETTINGS):
        return True
    if not is_installed("server"):
        return False
    from p3idp.settings import settings_path

    return settings_path().exists()
