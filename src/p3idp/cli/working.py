"""``p3idp use``, ``token``, ``env`` and ``exec``: work with a sign-in. Owns how tokens may leave.

A token goes to a pipe or into a child's environment, never into arguments, and to a terminal only where asked for.
"""

import os
import shlex
import shutil
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import click

from p3idp.cli.completion import project_names
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_errors_option, json_option
from p3idp.cli.sign_in import cloud_option
from p3idp.cli.terminal import harmless
from p3idp.client.clouds import Cloud
from p3idp.client.here import Desk, desk, say_on_stderr, somebody_is_here
from p3idp.client.identity import ProjectToken
from p3idp.errors.command import UsageMistaken
from p3idp.errors.sign_in import ProjectNotChosen

if TYPE_CHECKING:
    from p3idp.client.credential_values import MadeCredential

_HOURS = 12  # a night; what goes on for longer says so
_LONGEST = 129  # characters: Keystone's names have 64


def _project(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """An empty one is none: a variable that is not set must not stand for the project in use."""
    if value is not None and not 0 < len(value) <= _LONGEST:
        raise UsageMistaken(
            f"A project is NAME or NAME@DOMAIN, with at most {_LONGEST} characters.",
            hint="`p3idp projects` lists yours.",
        )
    return value


project_option = click.option(
    "--project", metavar="NAME[@DOMAIN]", shell_complete=project_names, callback=_project,
    help="Which project; default: the one in use.",
)  # fmt: skip
show_option = click.option("--show", is_flag=True, help="Print it on a terminal too.")
# What else could name somebody or somewhere to a program that speaks OpenStack.
_OTHERS = (
    "OS_CLOUD", "OS_TOKEN", "OS_AUTH_", "OS_USER", "OS_PASSWORD", "OS_PROJECT_", "OS_TENANT_", "OS_DOMAIN_",
    "OS_SYSTEM_SCOPE", "OS_APPLICATION_CREDENTIAL_", "OS_TRUST_ID", "OS_ACCESS_TOKEN", "OS_PROTOCOL", "OS_IDENTITY_",
    "OS_PASSCODE", "OS_CACERT",
)  # fmt: skip


@click.command()
@click.argument("project", shell_complete=project_names, callback=_project)
@cloud_option
@json_option
def use(project: str, cloud: str | None, as_json: bool) -> None:
    """Work in PROJECT (NAME or NAME@DOMAIN) from now on."""
    here = _desk()
    chosen = here.cloud(cloud)
    token = here.work.choose(chosen, project)  # a name that gives no token is not kept
    here.clouds.use(chosen, token.project)
    if as_json:
        click.echo(as_json_text({"cloud": chosen.name, "project": token.project, "project_id": token.project_id}))
    else:
        click.echo(f"Working in {harmless(token.project)} at {harmless(chosen.name)}.")


@click.command()
@cloud_option
@project_option
@click.option("--keystone", is_flag=True, help="The Keystone token of the project, not the provider's access token.")
@show_option
@json_option
def token(cloud: str | None, project: str | None, keystone: bool, show: bool, as_json: bool) -> None:
    """Print the access token, refreshed where needed, for a program that reads it from a pipe."""
    _refuse_terminal(show)
    here = _desk()
    chosen = here.cloud(cloud)
    if keystone or project:
        found = here.work.project_token(chosen, project or chosen.project)
        value, ends = found.token, found.ends_at
    else:
        identity = here.work.identity(chosen)
        value, ends = identity.access_token, identity.ends_at
    body = {"token": value.reveal(), "expires_at": ends.isoformat(timespec="seconds")}
    click.echo(as_json_text(body) if as_json else value.reveal())


@click.command()
@cloud_option
@project_option
@show_option
@json_option
def env(cloud: str | None, project: str | None, show: bool, as_json: bool) -> None:
    """Print shell lines that let openstackclient and openstacksdk work in the project: eval "$(p3idp env)".

    The token ends within the hour and is not renewed: `p3idp config write` and `p3idp exec --long` are for longer work.
    """
    _refuse_terminal(show)
    here = _desk()
    chosen = here.cloud(cloud)
    values = _variables(here.work.project_token(chosen, project or chosen.project), chosen.ca_file)
    if as_json:
        click.echo(as_json_text(values))
        return
    # A shell has no variables of other names, and would run what stands in them.
    for name in filter(str.isidentifier, _others()):
        click.echo(f"unset {name}")
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@cloud_option
@project_option
@json_errors_option
@click.option("--long", "as_long", is_flag=True, help="For long runs, and programs without OpenStack's plugins.")
@click.option("--hours", metavar="N", type=click.IntRange(1, 168), help="With --long: the most it takes; default: 12.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(
    cloud: str | None, project: str | None, as_long: bool, hours: int | None, command: tuple[str, ...]
) -> int | None:
    """Run COMMAND with the project's token in its environment: p3idp exec -- openstack server list.

    The command takes this one's place, so its exit status and the signals it gets are its own. The token ends within
    the hour and is not renewed. Where that is too short, or the program cannot use a token (Terraform, gophercloud,
    libcloud), add --long: the command gets an application credential of its own, which ends with it.
    """
    program = shutil.which(command[0])
    if program is None:
        raise UsageMistaken(f"There is no program named {harmless(command[0])}.")
    if hours and not as_long:
        raise UsageMistaken("--hours is for --long.")
    here = _desk()
    chosen = here.cloud(cloud)
    if as_long:
        span = timedelta(hours=hours or _HOURS)
        return _run_long(here, chosen, project or chosen.project, span, (program, *command[1:]))
    return _become(here.work.project_token(chosen, project or chosen.project), chosen.ca_file, program, command)


def _become(found: ProjectToken, ca_file: str, program: str, command: tuple[str, ...]) -> NoReturn:
    values = {**_inherited(), **_variables(found, ca_file)}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, command, values)  # noqa: S606 - the user's own command, without a shell


def _run_long(here: Desk, chosen: Cloud, project: str, span: timedelta, command: tuple[str, ...]) -> int:
    from p3idp.client.child import run_child  # only this way to run waits for a child
    from p3idp.client.clouds_entry import variables_of_credential
    from p3idp.client.long_run import RENEWAL, LongRun
    from p3idp.client.own_credentials import own_credentials

    if not project:
        raise ProjectNotChosen(f"No project of the cloud {chosen.name} is in use.")
    quiet = desk(ask=False)
    runs = LongRun(here.cache.files, lambda ask: own_credentials(here if ask else quiet, chosen), say_on_stderr)

    def work(made: "MadeCredential", note: int) -> int:
        environment = {**_inherited(), **variables_of_credential(made, chosen.ca_file)}
        return run_child(command, environment, note, RENEWAL, runs.renew)

    return runs.run(project, span, work)


def _desk() -> Desk:
    """With somebody to ask where a person sits at the terminal."""
    return desk(ask=somebody_is_here())


def _inherited() -> dict[str, str]:
    """This process's environment, without what could name somebody else to the command."""
    others = _others()
    return {name: value for name, value in os.environ.items() if name not in others}


def _others() -> list[str]:
    return sorted(name for name in os.environ if name.startswith(_OTHERS))


def _variables(found: ProjectToken, ca_file: str) -> dict[str, str]:
    values = {
        "OS_AUTH_TYPE": "v3p3idptoken",
        "OS_AUTH_URL": found.auth_url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_TOKEN": found.token.reveal(),
    }
    return values | ({"OS_CACERT": ca_file} if ca_file else {})


def _refuse_terminal(show: bool) -> None:
    if not sys.stdout.isatty():
        return
    if not show:
        raise UsageMistaken(
            "A token on a terminal stays in its history and in front of whoever looks.",
            hint="Send it into a pipe or a variable, or add --show.",
        )
    say_on_stderr("Whoever reads the next line can act as you until it ends.")
