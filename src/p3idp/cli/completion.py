"""``p3idp completion``, and what a shell is offered for names of clouds and projects.

Owns that completing never asks a server or a keyring, and never says a word: a shell would print it into the line.
"""

import click
from click.shell_completion import CompletionItem, get_completion_class

from p3idp.cli.options import json_errors_option
from p3idp.errors import P3idpError

VARIABLE = "_P3IDP_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_errors_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets SHELL complete p3idp.

    \b
    bash:  eval "$(p3idp completion bash)"       in ~/.bashrc
    zsh:   eval "$(p3idp completion zsh)"        in ~/.zshrc, after compinit
    fish:  p3idp completion fish > ~/.config/fish/completions/p3idp.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # a Choice names none that click has not
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(kind(context.find_root().command, {}, "p3idp", VARIABLE).source())


def cloud_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Clouds of the configuration file, and those remembered."""
    from p3idp.client.here import desk

    try:
        names = desk(ask=False).clouds.names()
    except P3idpError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def project_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Projects of the cloud that the line names, or of the one in use, as they were listed last."""
    from p3idp.client.here import desk

    try:
        here = desk(ask=False)
        names = here.seen.names(here.clouds.find(context.params.get("cloud")).name)
    except P3idpError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
