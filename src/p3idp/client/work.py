"""Tokens when they are needed: from the cache, else refreshed, else by signing in. Owns that this happens once.

However many commands run at the same time, one asks the provider and the others wait for what it got: a refresh token
that is used twice ends the whole sign-in, and nobody wants a browser tab a command.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from p3idp.client.broker import refresher
from p3idp.client.cache.entries import Cache, identity_name, project_token_name
from p3idp.client.clouds import Cloud, how_to_sign_in
from p3idp.client.ending import LoggedOut, end_sign_in
from p3idp.client.env import now, uninterrupted
from p3idp.client.flows.command import by_command
from p3idp.client.flows.service import by_service, service_provider
from p3idp.client.identity import Identity, ProjectToken
from p3idp.client.making import make_project_token
from p3idp.client.provider import Provider
from p3idp.core.secret import Secret
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.client import BrokerUnreachable, SignInNeeded
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import ClockWrong, ProjectNotChosen

_LONGEST_WAIT = 15 * 60.0  # seconds; more than any way to sign in takes
T = TypeVar("T")
SignIn = Callable[[Cloud], Identity]


class Work:
    """A researcher at work. ``sign_in`` asks the person, and is None where nobody can be asked.

    ``has_asked``: whether it was needed.
    """

    def __init__(
        self, cache: Cache, sign_in: SignIn | None, tell: Callable[[str], None], clock: Callable[[], datetime] = now
    ) -> None:
        self.cache, self._sign_in, self._tell, self._clock = cache, sign_in, tell, clock
        self.has_asked = False

    def identity(
        self, cloud: Cloud, *, spent: Secret[str] | None = None, beyond: datetime | None = None, anew: bool = False
    ) -> Identity:
        """Who is signed in, with an access token that can be used.

        ``spent``: a token that is over whatever the cache thinks. ``beyond``: it should end after this moment.
        ``anew``: ask the person in any case. Raises SignInNeeded, what a sign-in raises, or what the cache raises.
        """

        def usable(found: Identity | None) -> bool:
            lasts = found is not None and (beyond is None or found.ends_at > beyond)
            return found is not None and lasts and found.is_fresh(self._clock()) and found.access_token != spent

        began = self._clock()
        found = self.kept_identity(cloud)
        if found is not None and usable(found) and not anew:
            return found
        name = identity_name(*cloud.who)
        with self.cache.files.alone(name, _LONGEST_WAIT, self._say_waiting):
            found = self.kept_identity(cloud)
            if found is not None and usable(found) and (not anew or found.issued_at >= began):
                return found
            self._share_failure(name, began)
            return self._another(cloud, None if anew else found, name)

    def kept_identity(self, cloud: Cloud) -> Identity | None:
        """Who is signed in according to the cache; a sealed one that cannot be opened may be signed in over."""
        try:
            return self.cache.identity(*cloud.who)
        except SignInNeeded:
            if self._sign_in is None:
                raise
            return None

    def with_identity(self, cloud: Cloud, use: Callable[[Identity], T], *, beyond: datetime | None = None) -> T:
        """Do something as who is signed in; ``beyond`` as for identity. Raises as identity does, and as ``use``."""
        identity = self.identity(cloud, beyond=beyond)
        try:
            return use(identity)
        except SignInNeeded:  # taken back, or this machine's clock is wrong: another token may do
            return use(self.identity(cloud, spent=identity.access_token))

    def project_token(
        self,
        cloud: Cloud,
        project: str,
        *,
        by_id: bool = False,
        spent: Secret[str] | None = None,
        beyond: datetime | None = None,
    ) -> ProjectToken:
        """A Keystone token of this project: NAME or NAME@DOMAIN, or its id. Raises as identity does, and refusals.

        ``spent``: one that is not wanted any more, whatever the cache thinks. ``beyond``: it should end after this
        moment, so that whoever renews ahead gains by it.
        """

        def usable(found: ProjectToken | None) -> bool:
            return found is not None and found.is_fresh(self._clock()) and found.token != spent

        if not project:
            raise ProjectNotChosen(f"No project of the cloud {cloud.name} is in use.")
        identity = self.kept_identity(cloud) or self.identity(cloud)
        name = _token_name(cloud, identity.owner, *(("id", project) if by_id else (project,)))
        began, found = self._clock(), self.cache.project_token(name)
        if found is not None and usable(found):
            return found
        with self.cache.files.alone(name, _LONGEST_WAIT):
            found = self.cache.project_token(name)
            if found is not None and usable(found):
                return found
            self._share_failure(name, began)
            # With a broker a token ends with its source, so that a longer one takes a longer source.
            try:
                made = self.with_identity(
                    cloud,
                    lambda identity: make_project_token(identity, cloud, project, self._clock(), by_id=by_id),
                    beyond=beyond if cloud.broker else None,
                )
            except P3idpError as error:
                if error.exit_status is ExitStatus.UNREACHABLE:  # those who wait would wait for the same silence
                    self._note_failure(name, error)
                raise
            self.cache.keep_project_token(name, made)
        if made.project != project:  # the whole name is what later commands ask by
            self._keep_as(cloud, made, made.project)
        return made

    def choose(self, cloud: Cloud, project: str) -> ProjectToken:
        """A token made now, whatever is kept: so it shows that the project can be used. Raises as project_token.

        It is kept under the project's whole name too, by which later commands ask.
        """
        made = self.with_identity(cloud, lambda identity: make_project_token(identity, cloud, project, self._clock()))
        self._keep_as(cloud, made, project, made.project)
        return made

    def log_out(self, cloud: Cloud) -> LoggedOut:
        """End the sign-in: here first, then at Keystone and at the provider as far as they answer."""
        identity = self.kept_identity(cloud)
        if identity is None:
            self.cache.forget_identity(*cloud.who)
            return LoggedOut(False, None, 0)
        return end_sign_in(self.cache, cloud, identity)

    def _keep_as(self, cloud: Cloud, made: ProjectToken, *projects: str) -> None:
        for project in dict.fromkeys(projects):
            name = _token_name(cloud, made.owner, project)
            with self.cache.files.alone(name, _LONGEST_WAIT):
                self.cache.keep_project_token(name, made)

    def _another(self, cloud: Cloud, old: Identity | None, name: str) -> Identity:
        """Ask the provider, with room for the answer made beforehand. Called by one process at a time."""
        try:
            with self.cache.room_for_identity(*cloud.who) as keep:
                if cloud.token_command:
                    identity = by_command(cloud.token_command, self._clock(), cloud.issuer)
                    keep(identity)
                    return identity
                if cloud.is_service_account:
                    identity = by_service(cloud, service_provider(cloud), self._clock())
                    keep(identity)
                    return identity
                if old is not None and old.refresh_token is not None:
                    refreshed = self._refreshed(refresher(cloud, old), old, keep)
                    if refreshed is not None:
                        return refreshed
                if self._sign_in is None:
                    raise SignInNeeded(f"Nobody is signed in at {cloud.name}.", hint=how_to_sign_in(cloud))
                self.has_asked = True
                identity = self._sign_in(cloud)
                keep(identity)
                return identity
        except P3idpError as error:
            if not isinstance(error, SignInNeeded):
                self._note_failure(name, error)
            raise

    def _refreshed(self, provider: Provider, old: Identity, keep: Callable[[Identity], None]) -> Identity | None:
        """Another access token; None where the provider ended the sign-in and somebody can be asked."""
        try:
            # Between the provider's answer and the disk, the only refresh token is in here.
            with uninterrupted(self._tell):
                return provider.refresh(old, self._clock(), keep)
        except SignInNeeded as error:
            self.cache.forget_identity(old.issuer, old.client_id)
            if self._sign_in is None:
                raise
            self._tell(error.detail)
            return None

    def _note_failure(self, name: str, error: P3idpError) -> None:
        with contextlib.suppress(P3idpError):
            self.cache.note_failure(name, error, self._clock().timestamp())

    def _share_failure(self, name: str, began: datetime) -> None:
        """Whoever waited for an attempt that failed has failed with it: the next would only do the same again."""
        failed = self.cache.failure_since(name, began.timestamp())
        if failed is not None:
            for kind in (ProviderUnreachable, BrokerUnreachable, KeystoneUnreachable, ClockWrong):
                if failed.code == kind.code:
                    raise kind(failed.detail)
            raise SignInNeeded(failed.detail, hint="Try again: p3idp login")

    def _say_waiting(self) -> None:
        self._tell("Waiting for another p3idp that is signing in …")


def _token_name(cloud: Cloud, owner: str, *named: str) -> str:
    return project_token_name(owner, cloud.broker, cloud.auth_url, cloud.identity_provider, *named)
