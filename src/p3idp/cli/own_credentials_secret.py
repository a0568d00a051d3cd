"""How the secret of a new application credential may leave. Owns its places.

It goes into a file that its owner alone can read, or into a pipe; to a terminal only where asked for; never into
arguments. That is settled before anything is made, so that no credential is made whose secret nobody gets.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from p3idp.cli.json_text import as_json_text
from p3idp.cli.own_credentials_text import CredentialProject, as_body, export_lines
from p3idp.client.clouds_entry import variables_of_credential
from p3idp.client.credential_files import CloudFiles, NewFile, Place
from p3idp.client.credential_values import MadeCredential
from p3idp.client.env import now, uninterrupted
from p3idp.errors.command import UsageMistaken


@contextlib.contextmanager
def undone(undo: Callable[[], None]) -> Iterator[None]:
    """Undo what was made where its secret reached nobody."""
    try:
        yield
    except BaseException:
        with uninterrupted():
            undo()
        raise


@contextlib.contextmanager
def place_of(entry: str | None, clouds: Path | None, out: Path | None) -> Iterator[Place | None]:
    """Where the secret goes, looked at or made beforehand; None is standard output."""
    if entry is not None:
        yield CloudFiles(entry, clouds)
    elif out is not None:
        with NewFile(out, export_lines) as place:
            yield place
    else:
        yield None


def with_secret(made: MadeCredential, ca_file: str, *, as_json: bool) -> str:
    """What standard output gets: shell lines, or JSON."""
    values = variables_of_credential(made, ca_file)
    if not as_json:
        return export_lines(values)
    body = {"auth_url": made.auth_url, "secret": made.secret.reveal(), "environment": values}
    return as_json_text({**body_of(made), **body})


def body_of(made: MadeCredential) -> dict[str, Any]:
    """The new one for machines, without its secret."""
    return as_body(made.credential, {made.credential.project_id: CredentialProject(made.project)}, now())


def refuse_terminal(*, show: bool, elsewhere: bool) -> None:
    """Raises UsageMistaken where the secret would be on a terminal that nobody asked to show it."""
    if sys.stdout.isatty() and not show and not elsewhere:
        raise UsageMistaken(
            "A secret on a terminal stays in its history and in front of whoever looks. Nothing was made.",
            hint="Let --write put it into clouds.yaml and secure.yaml, --out FILE into a file, or add --show.",
        )
