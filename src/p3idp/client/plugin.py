"""keystoneauth plugins: ``v3p3idp`` exchanges a Check-in token at a broker, ``v3p3idptoken`` uses what was exchanged.

Owns how openstacksdk and openstackclient meet the broker. Keystone's own ``v3token`` cannot stand in for the second:
it asks for a new token, and Keystone does not make one from a token that ends with its source
(docs/adr/0003-token-lifetime.md).
"""

from collections.abc import Callable
from typing import Any

from keystoneauth1 import access, exceptions, loading, session
from keystoneauth1.identity.v3 import base

from p3idp.client.env import token_from_file, token_from_variable
from p3idp.client.exchange import Broker, BrokerToken
from p3idp.core.exchange.target import as_resource, as_scope
from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.client import BrokerUnreachable


class KeystoneToken(base.BaseAuth):
    """Use a scoped Keystone token as it is: what it may do is read from Keystone, and no other token is made."""

    def __init__(self, auth_url: str, token: str) -> None:
        super().__init__(auth_url, reauthenticate=False)
        self._token = Secret(token)

    def get_auth_ref(self, session: session.Session, **_: Any) -> access.AccessInfoV3:
        """Read the token's own data (GET /v3/auth/tokens)."""
        return read_token(session, self.token_url, self._token)


class P3idp(base.BaseAuth):
    """Exchange an access token at a broker whenever keystoneauth wants a new Keystone token.

    The access token is read afresh each time: from ``access_token()``, a file or an environment variable, so that
    whoever keeps it fresh (oidc-agent, a script) need not know of this. The project is given by id, or by name and
    domain name.
    """

    def __init__(
        self,
        auth_url: str,
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
        super().__init__(
            auth_url,
            project_id=project_id,
            project_name=project_name,
            project_domain_name=project_domain_name,
        )
        self._broker, self._broker_cacert = broker, broker_cacert
        self._sources = (access_token, access_token_file, access_token_env)

    def get_auth_ref(self, session: session.Session, **_: Any) -> access.AccessInfoV3:
        """Exchange, and read the new token's data."""
        try:
            exchanged = self._exchange(self._broker_cacert or session.verify)
        except BrokerUnreachable as exc:
            raise exceptions.ConnectFailure(exc.detail) from exc
        except P3idpError as exc:
            raise exceptions.AuthorizationFailure(f"{exc.detail} {exc.hint}".strip()) from exc
        return read_token(session, self.token_url, exchanged.value)

    def _exchange(self, verify: str | bool | None) -> BrokerToken:
        broker = Broker(self._broker, True if verify is None else verify)
        if self.project_id is not None:
            return broker.exchange(self._access_token(), resource=as_resource(v3_url(self.auth_url), self.project_id))
        return broker.exchange(self._access_token(), scope=project_scope(self.project_name, self.project_domain_name))

    def _access_token(self) -> Secret[str]:
        call, file, variable = self._sources
        if call is not None:
            return Secret(call())
        return token_from_file(file) if file is not None else token_from_variable(variable or "")


def project_scope(name: str | None, domain: str | None) -> str:
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


class P3idpLoader(loading.BaseIdentityLoader[base.BaseAuth]):
    """The options of ``auth_type: v3p3idp``."""

    @property
    def plugin_class(self) -> type[base.BaseAuth]:
        """What is loaded where an access token is named."""
        return P3idp

    def create_plugin(self, **given: Any) -> base.BaseAuth:
        """Without an access token's place: the sign-in of `p3idp login`, which needs no broker named either."""
        own = {name: given.pop(name, None) for name in ("access_token_file", "access_token_env", "p3idp_cloud")}
        sources = {name: value for name, value in own.items() if value and name != "p3idp_cloud"}
        if sources and not given.get("broker"):
            raise exceptions.MissingRequiredOptions([opt for opt in self.get_options() if opt.dest == "broker"])
        if sources:
            return P3idp(**given, **sources)
        from p3idp.client.signed_in import SignedIn  # what reads the cache is not waited for by others

        if given.pop("project_id", None):
            raise exceptions.OptionError("With `p3idp login`, say the project by name: project_name.")
        given.pop("broker_cacert", None)
        return SignedIn(**given, cloud=own["p3idp_cloud"])

    def get_options(self) -> list[loading.Opt]:
        """The broker, where the access token is, and the project."""
        return [
            *super().get_options(),
            loading.Opt("broker", help="Address of the p3idp broker"),
            loading.Opt("p3idp-cloud", help="Cloud of `p3idp login`, where no access token is named"),
            loading.Opt("broker-cacert", help="CA bundle of the broker, where it differs from Keystone's"),
            loading.Opt("access-token-file", help="File that holds the identity provider's access token"),
            loading.Opt("access-token-env", help="Name of the environment variable that holds it"),
            loading.Opt("project-id", help="Project ID to scope to"),
            loading.Opt("project-name", help="Project name to scope to"),
            loading.Opt("project-domain-name", help="Domain name containing project"),
        ]


class KeystoneTokenLoader(loading.BaseIdentityLoader[KeystoneToken]):
    """The options of ``auth_type: v3p3idptoken``."""

    @property
    def plugin_class(self) -> type[KeystoneToken]:
        """What is loaded."""
        return KeystoneToken

    def get_options(self) -> list[loading.Opt]:
        """The token; its project is in it."""
        return [*super().get_options(), loading.Opt("token", secret=True, required=True, help="Keystone token")]
