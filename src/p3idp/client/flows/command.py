"""Take access tokens from a program that keeps somebody signed in: oidc-agent's ``oidc-token``, mytoken, any other.

Owns running it. What it says is the user's own matter and goes to their terminal; what it prints is the token.
"""

import subprocess
from collections.abc import Sequence
from datetime import datetime

from p3idp.client.identity import Identity
from p3idp.client.provider import ending
from p3idp.core.login.compact import UnverifiedToken, take_apart
from p3idp.core.login.rules import is_subject, issuing_client
from p3idp.core.login.tokens import RawToken
from p3idp.core.login.values import shown_text
from p3idp.core.secret import Secret
from p3idp.errors.client import SignInNeeded
from p3idp.errors.sign_in import ClientConfigInvalid, SignInFailed

_SECONDS = 60  # the program may ask its user for a passphrase


def by_command(command: Sequence[str], now: datetime, issuer: str = "") -> Identity:
    """Run the program, without a shell, and read the token it prints.

    Nothing of the token is verified: it is this user's own, and the broker and Keystone verify it. With ``issuer`` it
    must be that provider's. Raises SignInNeeded, SignInFailed or ClientConfigInvalid.
    """
    return as_identity(Secret(_printed(command)), now, issuer, command[0])


def as_identity(token: Secret[str], now: datetime, issuer: str, giver: str) -> Identity:
    """Read who a token of this user's own is for. ``giver``: who gave it. Raises SignInFailed."""
    unverified = take_apart(RawToken(token))
    if not isinstance(unverified, UnverifiedToken):
        raise SignInFailed(f"What {giver} gives is no access token of the identity provider.")
    if issuer and unverified.issuer != issuer:
        raise SignInFailed(f"{giver} gives a token of another provider than {issuer}.")
    subject = unverified.claims.get("sub")
    if not is_subject(subject):
        raise SignInFailed(f"The token that {giver} gives does not say whose it is.")
    return Identity(
        issuer=unverified.issuer or "",
        client_id=issuing_client(unverified) or "",
        subject=str(subject),
        name=shown_text(unverified.claims, ("name", "preferred_username", "voperson_id", "sub")),
        scopes=tuple(shown_text(unverified.claims, ("scope",)).split()),
        access_token=token,
        issued_at=now,
        ends_at=ending(unverified, now),
        refresh_token=None,
    )


def _printed(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own choice of a program
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_SECONDS, check=False
        )
        text = done.stdout.decode("ascii").strip()
    except subprocess.TimeoutExpired as exc:
        raise SignInNeeded(f"{command[0]} does not come to an end.", hint="Try it by itself.") from exc
    except UnicodeDecodeError as exc:
        raise SignInFailed(f"What {command[0]} prints is no access token.") from exc
    except OSError as exc:
        raise ClientConfigInvalid(f"{command[0]} cannot be run: {exc.strerror}.") from exc
    if done.returncode != 0 or not text:
        raise SignInNeeded(
            f"{command[0]} gives no access token (exit status {done.returncode}).",
            hint="Try it by itself; for oidc-agent, load the account with oidc-add.",
        )
    return text
