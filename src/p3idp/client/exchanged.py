"""The plugins behind ``v3p3idp`` with an access token of the user's own, and ``v3p3idptoken``. Owns reading tokens.

Keystone's own ``v3token`` cannot stand in for the second: it asks for a new token, and Keystone does not make one from
a token that ends with its source (docs/adr/0003-token-lifetime.md).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keystoneauth1 import access, exceptions, session
from keystoneauth1.identity.v3 import base

from p3idp.client.env import token_from_file, token_from_variable
from p3idp.client.exchange import Broker, BrokerToken
from p3idp.client.renewing import Renewing
from p3idp.core.exchange.target import as_resource, as_scope
from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.names import ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors import ExitStatus, P3idpError


class KeystoneToken(base.BaseAuth):
    """Use a scoped Keystone token as it is: what it may do is read from Keystone, and no other token is made."""

    def __init__(self, auth_url: str, token: str) -> None:
        super().__init__(auth_url, reauthenticate=False)
        self._token = Secret(token)

    def get_auth_ref(self, session: session.Session, **_: Any) -> access.AccessInfoV3:
        """Read the token's own data (GET /v3/auth/tokens)."""
        return read_token(session, self.token_url, self._token)


class P3idp(Renewing):
    """Exchange an access token at a broker whenever another Keystone token is wanted.

    The access token is read afresh each time: from ``access_token()``, a file or an environment variable, so that
    whoever keeps it fresh (oidc-agent, a script) need not know of this. The project is given by id, or by name and
    domain name. Keystone's address may be left out where the project is named: the broker knows it.
    """

    def __init__(
        self,
        auth_url: str | None = None,
        *,
        broker: str,
        access_token: Callable[[], str] | None = None,
        access_token_file: str | None = None,
        access_token_env: str | None = None,
        broker_cacert: str | None = None,
        project_id: str | None = None,
        project_name: str | None = None,
        project_domain_name: str | None = None,
    ) -> None:
        if sum(source is not None for source in (access_token, access_token_file, access_token_env)) != 1:
            raise exceptions.OptionError("Say where the access token is: access_token_file or access_token_env.")
        if (project_id is None) == (project_name is None):
            raise exceptions.OptionError("Say which project: project_id, or project_name and project_domain_name.")
        if project_id is not None and not auth_url:
            raise exceptions.OptionError("A project by its id needs Keystone's address: auth_url.")
        super().__init__(
            v3_url(auth_url or ""),
            project_id=project_id,
            project_name=project_name,
            project_domain_name=project_domain_name,
        )
        self._broker, self._broker_cacert = broker, broker_cacert
        self._sources = (access_token, access_token_file, access_token_env)
        self._used: Secret[str] | None = None

    def obtain(self, session: session.Session, old: access.AccessInfo | None, *, ask: bool) -> access.AccessInfo:
        """Exchange, and read the new token's data. With the same source as before ``old`` is as good."""
        with as_keystoneauth():
            source = self._access_token()
            if old is not None and not self._promises_more(source, old):
                return old
            exchanged = self._exchange(source, self._broker_cacert or session.verify)
            self._used = source
        self.auth_url = self.auth_url or exchanged.auth_url
        return read_token(session, self.token_url, exchanged.value)

    def _exchange(self, source: Secret[str], verify: str | bool | None) -> BrokerToken:
        broker = Broker(self._broker, True if verify is None else verify)
        if self.project_id is not None:
            return broker.exchange(source, resource=as_resource(self.auth_url, self.project_id))
        return broker.exchange(source, scope=_scope(self.project_name, self.project_domain_name))

    def _promises_more(self, source: Secret[str], old: access.AccessInfo) -> bool:
        """Whether a token made from it would outlive this one: it never outlives its source."""
        if source != self._used:
            return True
        from p3idp.client.provider import stated_end  # what a short run never asks

        end = stated_end(source)
        return end is not None and old.expires is not None and end > old.expires

    def _access_token(self) -> Secret[str]:
        call, file, variable = self._sources
        if call is not None:
            return Secret(call())
        return token_from_file(file) if file is not None else token_from_variable(variable or "")


@contextmanager
def as_keystoneauth() -> Iterator[None]:
    """An error of ours becomes keystoneauth's, with its words and what to try."""
    try:
        yield
    except P3idpError as exc:
        silent = exc.exit_status is ExitStatus.UNREACHABLE
        kind = exceptions.ConnectFailure if silent else exceptions.AuthorizationFailure
        # Not chained: Ansible would say the same twice.
        raise kind(f"{exc.detail} {exc.hint}".strip()) from None


def _scope(name: str | None, domain: str | None) -> str:
    """A project as the broker reads it; without a domain, the site's own is meant."""
    return as_scope(ProjectRef(domain or "", name or "")).removesuffix("@")


def read_token(session: session.Session, token_url: str, token: Secret[str]) -> access.AccessInfoV3:
    """What Keystone says of a token, which stays as it is. Raises keystoneauth's Unauthorized where it is over."""
    headers = {"Accept": "application/json", "X-Auth-Token": token.reveal(), "X-Subject-Token": token.reveal()}
    try:
        # A redirect would carry the token to whatever host it names.
        reply = session.get(token_url, headers=headers, authenticated=False, log=False, redirect=False)
    except exceptions.NotFound as exc:
        # Keystone says 404 of a subject token that is over.
        raise exceptions.Unauthorized("The Keystone token is over or unknown.") from exc
    if reply.status_code != 200:
        raise exceptions.InvalidResponse(reply)
    return access.AccessInfoV3(auth_token=token.reveal(), body=reply.json())
