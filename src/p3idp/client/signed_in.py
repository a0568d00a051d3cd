"""The keystoneauth plugin's other half: work with what ``p3idp login`` keeps. Owns when a kept token is over.

It is what ``auth_type: v3p3idp`` loads where no access token is named. Programs that run at the same time share one
sign-in, one refresh and one Keystone token a project.
"""

from typing import Any

from keystoneauth1 import access, exceptions, session
from keystoneauth1.identity.v3 import base

from p3idp.client.here import Desk, desk, somebody_is_here
from p3idp.client.plugin import read_token
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.client import BrokerUnreachable
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.login import ProviderUnreachable


class SignedIn(base.BaseAuth):
    """Take a project's token from the cache, or make one. ``cloud``: of `p3idp login`; else the broker's, or the one
    in use. Without a project it is the one of `p3idp use`. Where somebody sits at a terminal, they may be asked to
    sign in.
    """

    def __init__(
        self,
        auth_url: str,
        *,
        cloud: str | None = None,
        broker: str | None = None,
        project_name: str | None = None,
        project_domain_name: str | None = None,
    ) -> None:
        super().__init__(auth_url, project_name=project_name, project_domain_name=project_domain_name)
        self._cloud, self._broker = cloud, broker
        self._spent: Secret[str] | None = None

    def get_auth_ref(self, session: session.Session, **_: Any) -> access.AccessInfoV3:
        """Find a token, and read its data."""
        try:
            token = self._token()
            try:
                return read_token(session, self.token_url, token)
            except exceptions.Unauthorized:  # taken back since it was kept
                self._spent = token
                return read_token(session, self.token_url, self._token())
        except (BrokerUnreachable, KeystoneUnreachable, ProviderUnreachable) as exc:
            raise exceptions.ConnectFailure(exc.detail) from exc
        except P3idpError as exc:
            raise exceptions.AuthorizationFailure(f"{exc.detail} {exc.hint}".strip()) from exc

    def invalidate(self) -> bool:
        """A service refused the token: it is not taken from the cache again."""
        if self.auth_ref is not None and self.auth_ref.auth_token:
            self._spent = Secret(self.auth_ref.auth_token)
        return bool(super().invalidate())

    def _token(self) -> Secret[str]:
        here: Desk = desk(ask=somebody_is_here())
        cloud = here.clouds.at_broker(self._broker) if self._broker and not self._cloud else None
        chosen = here.cloud(cloud.name if cloud else self._cloud)
        project = _reference(self.project_name, self.project_domain_name) or chosen.project
        return here.work.project_token(chosen, project, spent=self._spent).token


def _reference(name: str | None, domain: str | None) -> str:
    return f"{name}@{domain}" if name and domain else name or ""
