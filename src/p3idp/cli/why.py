"""`p3idp why`: explain one person's access. Owns what is read from files, and how the answer ends."""

from datetime import UTC, datetime
from typing import BinaryIO

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.policy_option import policy_in_force, policy_option
from p3idp.cli.why_text import why_json, why_lines
from p3idp.client.env import token_from_file
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.claims import LARGEST, read_claims
from p3idp.errors import ExitStatus
from p3idp.ops.why import Why, why_claims, why_token


@click.command()
@settings_option
@json_option
@policy_option
@click.option("--claims", metavar="FILE", type=click.File("rb"), help="Claims as JSON; - is standard input.")
@click.option("--token", "token_file", metavar="FILE", help="A file that holds an access token; - is standard input.")
@click.option("--identity-provider", metavar="ID", help="Whose claims these are, where they name no issuer (iss).")
@click.option("--at", metavar="MOMENT", help="Decide for this moment, as 2026-12-31 or 2026-12-31T18:00+01:00.")
@click.option("--all", "show_all", is_flag=True, help="Show every rule, not only the nearest.")
def why(
    settings_file: str | None,
    as_json: bool,
    policy_dir: str | None,
    claims: BinaryIO | None,
    token_file: str | None,
    identity_provider: str | None,
    at: str | None,
    show_all: bool,
) -> int:
    """Explain what the policy gives somebody: every rule, hit or miss, and one sentence for a help desk.

    The claims are JSON as the userinfo endpoint answers, and nobody verifies them; a token is verified first.

    Exit status: 0 there is access, 4 there is none, 2 these are no claims; for a token also what its verification
    says.
    """
    if (claims is None) == (token_file is None):
        raise click.UsageError("Give --claims FILE or --token FILE.")
    if token_file is not None and identity_provider is not None:
        raise click.UsageError("A token names its own issuer: --identity-provider goes with --claims.")
    moment = _moment(at) if at is not None else wiring.now()
    if claims is not None:
        given = read_claims(claims.read(LARGEST + 1), claims.name)
        answer = why_claims(policy_in_force(settings_file, policy_dir), given, identity_provider, moment)
    else:
        answer = _of_token(settings_file, policy_dir, token_file or "", moment)
    click.echo(as_json_text(why_json(answer), indent=2) if as_json else _text(answer, show_all))
    return ExitStatus.OK if answer.has_access else ExitStatus.REFUSED


def _of_token(settings_file: str | None, policy_dir: str | None, token_file: str, at: datetime) -> Why:
    token = RawToken(token_from_file(token_file))
    policy = policy_in_force(settings_file, policy_dir)
    verifier = wiring.wire_verifier(load_settings(settings_file), policy)
    return why_token(policy, verifier, token, wiring.now(), at)


def _text(answer: Why, show_all: bool) -> str:
    return "\n".join(why_lines(answer, show_all=show_all))


def _moment(text: str) -> datetime:
    """A day (its first moment, in UTC) or a moment with its offset, as in a policy."""
    try:
        parsed = datetime.fromisoformat(text)
        if len(text) == len("2026-12-31"):
            return parsed.replace(tzinfo=UTC)
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise click.BadParameter("write a day as 2026-12-31, or a moment as 2026-12-31T18:00+01:00", param_hint="--at")
