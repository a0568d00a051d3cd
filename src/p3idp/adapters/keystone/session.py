"""p3idp's own conversation with Keystone: one session, its CA, its limits, and what its failures mean.

Owns authentication as the account of the settings, the request id that goes along, and the translation of
exceptions. What is asked for is federation.py's.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from p3idp.adapters.keystone.pace import Pace
from p3idp.core.keystone_url import v3_url
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneConflict, KeystoneForbids, KeystoneRefusedCredentials, KeystoneUnreachable
from p3idp.ports.request import request_id

# Without a handler of its own, Python would print keystoneauth's warnings past us; a configured log still gets them.
logging.getLogger("keystoneauth").addHandler(logging.NullHandler())
REQUEST_ID = "X-OpenStack-Request-ID"


class TracedTransport(requests.Session):
    """Sends the id of the request under way along. The environment's CA bundle would win over ours: it is not asked.

    Several threads share it: of what such a session keeps between calls, only its pool of connections is made for that,
    so it keeps no cookies.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._pace = pace

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request, at its turn."""
        if self._pace:
            self._pace.wait()
        if identity := request_id.get():
            request.headers.setdefault(REQUEST_ID, identity)
        return super().send(request, **kwargs)


class _Shared:
    """An account that several threads use. All of them may learn at once that its token was revoked: keystoneauth lets
    only the first one ask for another, and would end the others' calls with 401.
    """

    def invalidate(self) -> bool:
        """Forget the token; it always makes sense to try again, once a call."""
        super().invalidate()  # type: ignore[misc]  # of the plugin that this is mixed into
        return True


class _Password(_Shared, v3.Password):
    pass


class _Credential(_Shared, v3.ApplicationCredential):
    pass


def make_session(auth: Any, ca_file: Path | None, timeout_seconds: float, pace: Pace | None = None) -> Session:
    """One session: this account, this CA, this limit in seconds on every call, this pace."""
    return Session(
        auth=auth,
        session=TracedTransport(pace),
        verify=str(ca_file) if ca_file else True,
        timeout=timeout_seconds,
        user_agent="p3idp",
    )


def password_auth(
    auth_url: str, username: str, user_domain: str, password: Secret[str], scope: Mapping[str, Any]
) -> Any:
    """Sign in by password. ``scope``: keystoneauth's words for a project or ``system_scope``."""
    return _Password(
        v3_url(auth_url), username=username, user_domain_name=user_domain, password=password.reveal(), **scope
    )


def credential_auth(auth_url: str, identity: str, secret: Secret[str]) -> Any:
    """Sign in by application credential."""
    return _Credential(
        v3_url(auth_url), application_credential_id=identity, application_credential_secret=secret.reveal()
    )


@contextmanager
def keystone_errors(doing: str, refusal: type[P3idpError] = KeystoneConflict) -> Iterator[None]:
    """Tell keystoneauth's exceptions in our words; Keystone's text goes to the log only.

    ``doing``: "list groups". ``refusal``: what another refusal means; a list is refused by no Keystone.
    """
    try:
        yield
    except ksa.SSLError as exc:
        told = "Keystone's certificate is not trusted."
        hint = "Name the CA that signed it in the settings ([keystone] ca_file)."
        raise KeystoneUnreachable(told, hint=hint, debug=str(exc)) from exc
    except ksa.Unauthorized as exc:
        told = "Keystone refused p3idp's user name, password or application credential."
        raise KeystoneRefusedCredentials(told, debug=str(exc)) from exc
    except ksa.Forbidden as exc:
        raise KeystoneForbids(f"p3idp's account may not {doing}.", debug=str(exc)) from exc
    except (ksa.ConnectionError, ksa.HttpServerError, ksa.DiscoveryFailure) as exc:
        raise KeystoneUnreachable(_unreachable(doing, exc), debug=str(exc)) from exc
    except ksa.HttpError as exc:
        told = f"Keystone did not {doing} (status {exc.http_status})."
        raise refusal(told, debug=str(exc)) from exc
    except (ksa.ClientException, KeyError, TypeError, ValueError) as exc:
        told = f"What answers at Keystone's address does not answer as Keystone does (asked to {doing})."
        raise KeystoneUnreachable(told, debug=repr(exc)) from exc


def _unreachable(doing: str, exc: Exception) -> str:
    if isinstance(exc, ksa.HttpServerError):
        return f"Keystone failed to {doing} (status {exc.http_status})."
    if isinstance(exc, ksa.ConnectTimeout):
        return f"Keystone did not answer in time (asked to {doing})."
    return f"Keystone cannot be reached (to {doing})."
