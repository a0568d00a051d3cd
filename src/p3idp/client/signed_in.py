"""The plugin behind ``v3p3idp`` where no access token is named: work with what ``p3idp login`` keeps.

Owns which cloud and project are meant. Programs that run at the same time share one sign-in, one refresh and one
Keystone token a project.
"""

from dataclasses import replace
from typing import Any

from keystoneauth1 import access, exceptions, session
from keystoneauth1.plugin import AUTH_INTERFACE

from p3idp.client.clouds import Cloud
from p3idp.client.exchanged import as_keystoneauth, read_token
from p3idp.client.here import Desk, desk, somebody_is_here
from p3idp.client.renewing import Renewing
from p3idp.core.keystone_url import v3_url
from p3idp.core.secret import Secret
from p3idp.errors.sign_in import CloudUnknown


class SignedIn(Renewing):
    """Take a project's token from the cache, or make one. Without a project it is the one of `p3idp use`.

    ``cloud``: of `p3idp login`; else the broker's, else Keystone's, else the one in use. A broker that nobody signed in
    at yet says what that takes. Where somebody sits at a terminal, they may be asked to sign in.
    """

    def __init__(
        self,
        auth_url: str | None = None,
        *,
        cloud: str | None = None,
        broker: str | None = None,
        broker_cacert: str | None = None,
        project_id: str | None = None,
        project_name: str | None = None,
        project_domain_name: str | None = None,
    ) -> None:
        super().__init__(
            v3_url(auth_url or ""),
            project_id=project_id,
            project_name=project_name,
            project_domain_name=project_domain_name,
        )
        self._cloud, self._broker, self._broker_cacert = cloud, broker, broker_cacert
        self._spent: Secret[str] | None = None

    def obtain(self, session: session.Session, old: access.AccessInfo | None, *, ask: bool) -> access.AccessInfo:
        """Find a token, and read its data."""
        here = desk(ask=ask and somebody_is_here())
        token = self._token(here, session, old)
        try:
            return read_token(session, self.token_url, token)
        except exceptions.Unauthorized:  # taken back since it was kept
            self._spent = token
            return read_token(session, self.token_url, self._token(here, session, old))

    def get_endpoint_data(self, session: session.Session, **wanted: Any) -> Any:
        """As every plugin; Keystone's own address is known with the first token where nobody gave it."""
        if wanted.get("interface") is AUTH_INTERFACE and not self.auth_url:
            self.get_access(session)
        return super().get_endpoint_data(session, **wanted)

    def invalidate(self) -> bool:
        """A service refused the token: it is not taken from the cache again."""
        if self.auth_ref is not None and self.auth_ref.auth_token:
            self._spent = Secret(self.auth_ref.auth_token)
        return bool(super().invalidate())

    def _token(self, here: Desk, session: session.Session, old: access.AccessInfo | None) -> Secret[str]:
        with as_keystoneauth():
            cloud = self._chosen(here, session)
            named = f"{self.project_name}@{self.project_domain_name}" if self.project_domain_name else self.project_name
            made = here.work.project_token(
                cloud,
                self.project_id or named or cloud.project,
                by_id=bool(self.project_id),
                spent=Secret(str(old.auth_token)) if old is not None else self._spent,
                beyond=old.expires if old is not None else None,
            )
        self.auth_url = self.auth_url or v3_url(made.auth_url)
        return made.token

    def _chosen(self, here: Desk, session: session.Session) -> Cloud:
        if self._cloud:
            cloud = here.cloud(self._cloud)
        elif self._broker:
            cloud = here.cloud_at(self._broker, self._broker_cacert or session.verify)
        else:
            known = here.clouds.at_keystone(self.auth_url) if self.auth_url else None
            cloud = here.cloud(known.name if known else None)
            if self.auth_url and cloud.auth_url and v3_url(cloud.auth_url) != v3_url(self.auth_url):
                # The one in use is not meant: its tokens would be shown to a stranger.
                raise CloudUnknown(f"No cloud is known whose Keystone is {self.auth_url}.")
        return replace(cloud, auth_url=cloud.auth_url or self.auth_url or "")
