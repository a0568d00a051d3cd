"""``p3idp exchange``: the broker's token endpoint on the command line. Owns the options and the forms of the answer."""

import shlex

import click

from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option
from p3idp.client.env import token_from_file
from p3idp.client.exchange import Broker, BrokerToken
from p3idp.client.making import scope_of


@click.command()
@click.option("--broker", required=True, metavar="URL", envvar="P3IDP_BROKER", help="The broker. [env: P3IDP_BROKER]")
@click.option("--token-file", required=True, metavar="FILE", help="Holds the access token; - is standard input.")
@click.option("--project", metavar="NAME[@DOMAIN]", help="The project. Without it, the broker names yours.")
@click.option("--ca-file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Trust this CA bundle.")
@click.option("--export", "as_export", is_flag=True, help="Print shell lines for openstackclient and openstacksdk.")
@json_option
def exchange(
    broker: str, token_file: str, project: str | None, ca_file: str | None, as_export: bool, as_json: bool
) -> None:
    """Trade a Check-in access token for a Keystone token at a broker.

    The Keystone token alone goes to standard output. It ends when the access token ends, or before.
    """
    if as_export and as_json:
        raise click.UsageError("--export and --json exclude each other.")
    given = token_from_file(token_file)
    token = Broker(broker, ca_file or True).exchange(given, scope=scope_of(project) if project else None)
    click.echo(_as_json(token) if as_json else _as_export(token) if as_export else token.value.reveal())


def _as_json(token: BrokerToken) -> str:
    body = {
        "auth_url": token.auth_url,
        "expires_at": token.expires_at.isoformat(),
        "project_id": token.project_id,
        "scope": token.scope,
        "token": token.value.reveal(),
    }
    return as_json_text(body)


def _as_export(token: BrokerToken) -> str:
    values = {
        "OS_AUTH_TYPE": "v3p3idptoken",
        "OS_AUTH_URL": token.auth_url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_TOKEN": token.value.reveal(),
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
