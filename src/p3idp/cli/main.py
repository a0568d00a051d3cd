"""The console script. Owns the list of commands, how errors end, and nothing of what commands do.

Commands are imported when they are called, so that the light client never loads the server.
"""

import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from p3idp import __version__
from p3idp.cli.json_text import as_json_text
from p3idp.cli.lazy import ADMINISTRATION, Entry, LazyGroup
from p3idp.cli.terminal import harmless_lines
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.command import FileUnusable, UsageMistaken

COMPLETING = "_P3IDP_COMPLETE"  # click's name for it, from the program's

# The one list of what p3idp can do.
COMMANDS: Mapping[str, Entry] = {
    "plan": Entry("p3idp.cli.access:plan", "Show what the policy would change in Keystone."),
    "apply": Entry("p3idp.cli.access:apply", "Apply a reviewed plan by its digest."),
    "propose": Entry("p3idp.cli.proposals:propose", "Keep a plan until a second person approves it."),
    "approve": Entry("p3idp.cli.proposals:approve", "Look at what somebody proposed, and approve it."),
    "proposals": Entry("p3idp.cli.proposals:proposals", "List what was proposed, and who approved."),
    "community": Entry("p3idp.cli.community:community", "Add, list, suspend and remove communities as policy text."),
    "migrate": Entry("p3idp.cli.migrate:migrate", "Move the policy from one claim or issuer to another."),
    "promote": Entry("p3idp.cli.promote:promote_command", "Plan for one cloud what another has."),
    "drift": Entry("p3idp.cli.drift:drift", "Name each difference between the policy and Keystone."),
    "history": Entry("p3idp.cli.history:history", "List the applies so far, and look closer at them."),
    "rollback": Entry("p3idp.cli.rollback:rollback", "Go back to what an earlier apply left."),
    "leavers": Entry("p3idp.cli.leavers:leavers", "List whose access ends or comes back, and see to it."),
    "recheck": Entry("p3idp.cli.recheck:recheck", "Ask about people who are away, and act on the answers."),
    "mapping": Entry("p3idp.cli.mapping:mapping", "Evaluate Keystone mappings as Keystone does.", "", ADMINISTRATION),
    "import": Entry("p3idp.cli.importing:importing", "Turn what a site has into policy files to review."),
    "export": Entry("p3idp.cli.export:export", "Write down the policy's objects for other tools: the door out."),
    "why": Entry("p3idp.cli.why:why", "Explain what the policy gives somebody, rule by rule."),
    "logins": Entry("p3idp.cli.logins:logins", "Count, forget and export the logins that p3idp remembers."),
    "credentials": Entry(
        "p3idp.cli.credentials:credentials", "List people's application credentials, and warn in time."
    ),
    "audit": Entry("p3idp.cli.audit:audit", "Read and verify the ledger."),
    "site": Entry("p3idp.cli.site:site", "Generate the configuration of Apache, Keystone and Horizon."),
    "serve": Entry("p3idp.cli.serve:serve", "Run the web service."),
    "login": Entry("p3idp.cli.sign_in:login", "Sign in once, for all that speaks OpenStack.", ""),
    "logout": Entry("p3idp.cli.sign_in:logout", "Sign out: here, at Keystone and at the provider.", ""),
    "whoami": Entry("p3idp.cli.sign_in:whoami", "Say who is signed in, and where.", ""),
    "projects": Entry("p3idp.cli.projects:projects", "List the projects that you can work in, and until when.", ""),
    "use": Entry("p3idp.cli.working:use", "Choose the project to work in.", ""),
    "token": Entry("p3idp.cli.working:token", "Print a token into a pipe.", ""),
    "env": Entry("p3idp.cli.working:env", "Print shell lines with a project's token.", ""),
    "exec": Entry("p3idp.cli.working:execute", "Run a command with a project's token in its environment.", ""),
    "config": Entry("p3idp.cli.config:config", "Write clouds.yaml, which openstack, the SDK and Ansible read.", ""),
    "application-credential": Entry(
        "p3idp.cli.own_credentials:application_credential", "Make, list and end keys of your own, for scripts.", ""
    ),
    "exchange": Entry("p3idp.cli.exchange:exchange", "Trade a Check-in token for a Keystone token at a broker.", ""),
    "doctor": Entry("p3idp.cli.doctor:doctor", "Check this machine, or a site's chain, and say what to try.", ""),
    "completion": Entry("p3idp.cli.completion:completion", "Print what lets bash, zsh or fish complete p3idp.", ""),
    "lab": Entry("p3idp.lab.command:lab", "Run the demonstration: real servers on this machine.", "lab"),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="p3idp")
def main() -> None:
    """Federated identity and access broker for OpenStack."""


def show_error(error: P3idpError, *, as_json: bool) -> None:
    """Print an error on standard error: for machines as one JSON object, for people what happened and what to try."""
    if as_json:
        body = {"error": {"code": error.code, "detail": error.detail, "hint": error.hint}}
        click.echo(as_json_text(body), err=True)
        return
    heading = click.style(f"Error ({error.code}): ", fg="red", bold=True)
    click.echo(heading + harmless_lines(error.detail), err=True, color=_colour())
    if error.hint:
        click.echo(f"What to try: {error.hint}", err=True)


def run() -> None:
    """Run the command line; every P3idpError ends in its message and its exit status, never in a traceback."""
    words = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]  # the rest is a child's
    as_json = "--json" in words
    # A plan of thousands of objects makes them to keep them: looking for cycles among them took half of its time.
    gc.set_threshold(100_000, 50, 50)
    _ready_streams()
    if any(map(_has_half, sys.argv[1:])):
        _end(UsageMistaken("A word of this call is not in the encoding of this locale (LC_ALL)."), as_json=as_json)
    try:
        result = main.main(prog_name="p3idp", standalone_mode=False, color=_colour())
    except P3idpError as error:
        _end(error, as_json=as_json)
    except click.ClickException as error:
        if as_json:
            _end(UsageMistaken(error.format_message()), as_json=True)
        error.show()
        sys.exit(ExitStatus.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(ExitStatus.ERROR)
    except BrokenPipeError:
        sys.exit(ExitStatus.ERROR)
    except OSError as error:
        if not error.strerror:  # not the system's word on a file: a defect of ours
            raise
        _end(FileUnusable(f"{error.filename or 'The answer'}: {error.strerror}."), as_json=as_json)
    sys.exit(result if isinstance(result, int) else ExitStatus.OK)


def _ready_streams() -> None:
    """A stream that the caller closed is an empty one; Python has none at all there."""
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open(encoding="utf-8")
    sys.stdout = sys.stdout or nothing.open("w", encoding="utf-8")


def _has_half(word: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in word)


def _end(error: P3idpError, *, as_json: bool) -> NoReturn:
    if os.environ.get(COMPLETING):  # a shell asks, and would print the answer into somebody's line
        sys.exit(error.exit_status)
    show_error(error, as_json=as_json)
    sys.exit(error.exit_status)


def _colour() -> bool | None:
    """False where NO_COLOR is set (no-color.org); otherwise a terminal decides."""
    return False if os.environ.get("NO_COLOR") else None
