"""``p3idp login``, ``whoami`` and ``logout``. Owns their options and the forms of their answers."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from p3idp.cli.completion import cloud_names
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option
from p3idp.cli.own_access import access_json, access_lines, own_access
from p3idp.cli.terminal import harmless
from p3idp.client.access import OwnAccess
from p3idp.client.clouds import Cloud, how_to_sign_in
from p3idp.client.here import Desk, desk
from p3idp.client.identity import Identity
from p3idp.errors.client import SignInNeeded
from p3idp.errors.command import UsageMistaken
from p3idp.errors.login import ProviderUnreachable

cloud_option = click.option(
    "--cloud", metavar="NAME", shell_complete=cloud_names, help="Which cloud; default: the one in use."
)


@click.command()
@cloud_option
@click.option("--broker", metavar="URL", help="The site's broker, which knows the rest.")
@click.option("--issuer", metavar="URL", help="The identity provider.")
@click.option("--client-id", metavar="ID", help="The public client to sign in with there.")
@click.option("--scope", "scopes", metavar="NAME", multiple=True, help="Ask for these scopes instead of the site's.")
@click.option("--auth-url", metavar="URL", help="Keystone, for a cloud without a broker.")
@click.option("--identity-provider", metavar="NAME", help="The identity provider's name in Keystone.")
@click.option("--protocol", metavar="NAME", help="The protocol's name in Keystone.")
@click.option("--ca-file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, resolve_path=True),
              help="Trust this CA bundle.")  # fmt: skip
@click.option("--flow", type=click.Choice(["auto", "browser", "broker", "device", "paste"]), help="How to sign in.")
@click.option("--redirect-uri", metavar="URI", help="For providers that take one loopback address only.")
@click.option(
    "--token-command", metavar="COMMAND", help="Take access tokens from this program instead: oidc-token egi."
)
@click.option("--service-account", metavar="ID", help="Be this client of the provider, which acts for itself.")
@click.option("--client-secret-file", metavar="FILE", type=click.Path(dir_okay=False, resolve_path=True),
              help="The service account's secret, in a file of yours alone.")  # fmt: skip
@click.option("--client-secret-env", metavar="NAME", help="The service account's secret, in this variable.")
@click.option("--no-browser", is_flag=True, help="Show a link, a code and a QR code for another device.")
@click.option("--again", is_flag=True, help="Sign in anew although somebody is signed in.")
@json_option
def login(cloud: str | None, no_browser: bool, again: bool, as_json: bool, **given: Any) -> None:
    """Sign in once, for all that speaks OpenStack.

    A browser opens where you sit in front of one; elsewhere a code is shown for another device. What is told here is
    remembered under the cloud's name.
    """
    here = desk(ask=True, no_browser=no_browser)
    given["token_command"] = _words(given["token_command"] or "")
    given["client_id"] = _client_id(given, given.pop("service_account"))
    told = here.clouds.find(cloud, given, learnt=False, is_left=lambda known: here.work.kept_identity(known) is None)
    if given["flow"] and not given["token_command"]:
        told = replace(told, token_command=())  # who asks for a way to sign in asks no program any more
    if given["flow"] and told.is_service_account:
        raise UsageMistaken(
            f"{told.name} is a service account's: nobody signs in there.", hint="Choose another name with --cloud."
        )
    full = here.completed(told, in_use=False)  # it comes into use when somebody is signed in there
    identity = here.work.identity(full, anew=again)
    here.clouds.remember(told, full)
    if as_json:
        click.echo(as_json_text(_about(here, full, identity)))
        return
    already = not (here.work.has_asked or full.token_command or full.is_service_account)
    begin = "Already signed in" if already else "Signed in"
    click.echo(f"{begin} at {harmless(full.name)} as {harmless(identity.name)} ({harmless(identity.subject)}).")
    if already:
        click.echo("To sign in anew, or as somebody else: p3idp login --again")
    click.echo(f"The sign-in is kept {here.cache.seal.place}: {here.cache.files.directory}")
    if identity.refresh_token is None and not full.token_command and not full.is_service_account:
        click.echo(f"It lasts until {identity.ends_at:%Y-%m-%d %H:%M} UTC: the provider gave no refresh token.")
    if not full.project:
        click.echo("Next: `p3idp projects` lists where you can work, and `p3idp use PROJECT` chooses.")


@click.command()
@cloud_option
@click.option("--access", "with_access", is_flag=True, help="Ask the broker which rule gives you which project.")
@json_option
def whoami(cloud: str | None, with_access: bool, as_json: bool) -> None:
    """Say who is signed in, and where."""
    here = desk(ask=False)
    chosen, identity = signed_in(here, cloud)
    access = _asked(here, chosen) if with_access else None
    if as_json:
        more = {"access": access_json(access, chosen)} if access else {}
        click.echo(as_json_text({**_about(here, chosen, identity), **more}))
        return
    rows = {
        "Name": identity.name,
        "Subject": identity.subject,
        "Cloud": chosen.name,
        "Provider": identity.issuer,
        "Project": chosen.project or "none in use (p3idp projects)",
        "Lasts": _lasts(chosen, identity),
    }
    for label, value in rows.items():
        click.echo(f"{label:<9} {harmless(value)}")
    for line in access_lines(access) if access else ():
        click.echo(line)


@click.command()
@cloud_option
@json_option
def logout(cloud: str | None, as_json: bool) -> None:
    """Sign out: here, at Keystone and at the identity provider."""
    here = desk(ask=True)  # so that also a sign-in whose key is gone can be ended
    chosen = here.clouds.find(cloud)
    done = here.work.log_out(chosen)
    here.clouds.use(chosen, "")
    if as_json:
        body = {"cloud": chosen.name, "was_signed_in": done.was_signed_in, "provider_told": done.provider_told,
                "keystone_tokens_ended": done.keystone_tokens}  # fmt: skip
        click.echo(as_json_text(body))
    elif not done.was_signed_in:
        click.echo(f"Nobody was signed in at {harmless(chosen.name)}.")
    else:
        click.echo(f"Signed out of {harmless(chosen.name)}. Keystone tokens ended: {done.keystone_tokens}.")
    if done.provider_told is False:
        raise ProviderUnreachable(
            "Nothing is kept here any more, but the identity provider could not be told.",
            hint="End the sign-in on the provider's own page of your sessions.",
        )


def signed_in(here: Desk, cloud: str | None) -> tuple[Cloud, Identity]:
    """The cloud and who is signed in there. Raises SignInNeeded."""
    chosen = here.clouds.find(cloud)
    identity = here.work.kept_identity(chosen)
    if identity is None:
        raise SignInNeeded(f"Nobody is signed in at {chosen.name}.", hint=how_to_sign_in(chosen))
    return chosen, identity


def _asked(here: Desk, cloud: Cloud) -> OwnAccess:
    access = own_access(here, cloud)
    if access is None:
        raise UsageMistaken(f"The cloud {cloud.name} has no broker that could say which rule gives what.")
    return access


def _client_id(given: Mapping[str, Any], service_account: str | None) -> str | None:
    """Our client at the provider. Raises UsageMistaken where half of a service account is named."""
    has_secret = bool(given["client_secret_file"] or given["client_secret_env"])
    if bool(service_account) != has_secret or (service_account and given["client_id"]):
        raise UsageMistaken(
            "A service account is --service-account ID with --client-secret-file FILE or --client-secret-env NAME.",
            hint="Its id stands in place of --client-id.",
        )
    return service_account or given["client_id"]


def _words(command: str) -> tuple[str, ...]:
    """A command as a shell reads it. Raises UsageMistaken."""
    try:
        return tuple(shlex.split(command))
    except ValueError as exc:
        raise UsageMistaken(f"--token-command: {exc}.", hint="Quote it as a shell reads it.") from exc


def _lasts(cloud: Cloud, identity: Identity) -> str:
    if cloud.token_command:
        return f"as long as {cloud.token_command[0]} gives tokens"
    if cloud.is_service_account:
        return "as long as the provider takes the service account's secret"
    if identity.refresh_token:
        return "until you sign out, or the provider ends it"
    return f"until {identity.ends_at:%Y-%m-%d %H:%M} UTC"


def _about(here: Desk, cloud: Cloud, identity: Identity) -> dict[str, Any]:
    return {
        "cloud": cloud.name,
        "issuer": identity.issuer,
        "client_id": identity.client_id,
        "subject": identity.subject,
        "name": identity.name,
        "scopes": sorted(identity.scopes),
        "project": cloud.project or None,
        "access_token_ends_at": identity.ends_at.isoformat(timespec="seconds"),
        "refreshable": identity.refresh_token is not None,
        "kept": here.cache.seal.name,
    }
