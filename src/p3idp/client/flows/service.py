"""Be a service account: a client that acts for itself (RFC 6749 section 4.4). Owns its secret's place and the request.

There is no refresh token and nobody to ask: whenever a token is over, another is asked for with the client's secret,
which stays where the user put it.
"""

import os
import stat
from datetime import datetime
from pathlib import Path

from p3idp.client.clouds import OFFLINE, Cloud
from p3idp.client.flows.command import as_identity
from p3idp.client.http import Web
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider, error_of, look_up
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import ClientConfigInvalid, SignInFailed

_LONGEST = 4096  # bytes; providers' secrets have less than a hundred


def service_provider(cloud: Cloud) -> Provider:
    """The provider, asked as this cloud's service account. Raises ClientConfigInvalid, ProviderUnreachable …"""
    return look_up(Web(cloud.verify), cloud.issuer, cloud.client_id, service_secret(cloud))


def by_service(cloud: Cloud, provider: Provider, now: datetime) -> Identity:
    """Ask for a token with the client's own secret; ``provider`` as service_provider finds it. Raises
    SignInFailed or ProviderUnreachable.
    """
    # Where a provider gave a refresh token for offline_access, nothing would ever use or end it.
    scope = " ".join(name for name in cloud.scopes if name != OFFLINE)
    answer = provider.ask({"grant_type": "client_credentials", "scope": scope})
    if answer.status in (400, 401, 403):
        raise SignInFailed(
            f"The identity provider does not take the service account {cloud.client_id} ({error_of(answer)}).",
            hint="Check the client id, its secret, and that the provider lets this client act for itself.",
        )
    body = answer.json_object() if answer.status == 200 else {}
    token = body.get("access_token")
    if str(body.get("token_type")).lower() != "bearer" or not isinstance(token, str) or not token:
        raise ProviderUnreachable(f"The identity provider gave no bearer token (status {answer.status}).")
    identity = as_identity(Secret(token), now, cloud.issuer, "The provider")
    if identity.client_id != cloud.client_id:
        raise SignInFailed("The identity provider answered with another client's token.")
    return identity


def service_secret(cloud: Cloud) -> Secret[str]:
    """The client's secret, from its file or variable. Raises ClientConfigInvalid, which never shows it."""
    if cloud.client_secret_env:
        where, text = f"The variable {cloud.client_secret_env}", os.environ.get(cloud.client_secret_env, "")
    else:
        where, text = cloud.client_secret_file, _read(Path(cloud.client_secret_file).expanduser())
    secret = text.strip()
    if not 0 < len(secret) <= _LONGEST or not secret.isascii() or not secret.isprintable():
        raise ClientConfigInvalid(f"{where} holds no client secret.")
    return Secret(secret)


def _read(file: Path) -> str:
    try:
        # Not waiting: a pipe that somebody put there would never answer.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        raise ClientConfigInvalid(f"The client secret cannot be read from {file}: {exc.strerror}.") from exc
    try:
        _refuse_open(os.fstat(handle), file)
        return os.read(handle, _LONGEST + 1).decode("ascii", errors="replace")
    finally:
        os.close(handle)


def _refuse_open(found: os.stat_result, file: Path) -> None:
    """Who can read it can be the robot; who can write it can have us ask as another."""
    if not stat.S_ISREG(found.st_mode):
        raise ClientConfigInvalid(f"{file} is no plain file.", hint="Put the client secret into a file of its own.")
    if not hasattr(os, "geteuid"):  # Windows keeps a user's own directories to that user
        return
    # root's own files are how systemd and containers hand secrets in.
    if found.st_uid not in (os.geteuid(), 0):
        raise ClientConfigInvalid(f"{file} belongs to somebody else.", hint=f"Make it yours: chown $USER {file}")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ClientConfigInvalid(f"{file} is open to others on this machine.", hint=f"Close it: chmod 600 {file}")
