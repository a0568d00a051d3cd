"""Ask a broker for a Keystone token (RFC 8693). Owns the request and what its answers are called here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from p3idp.client.http import DEPTH, bounded, is_token
from p3idp.client.trust import check_bundle, distrust
from p3idp.core.exchange.request import ACCESS_TOKEN, GRANT_TYPE, KEYSTONE_TOKEN
from p3idp.core.login.metadata import origin_of
from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.core.secret import Secret
from p3idp.errors.base import P3idpError
from p3idp.errors.client import BrokerRefused, BrokerUnreachable, BrokerUnsafe, SignInNeeded
from p3idp.errors.exchange import ExchangeError
from p3idp.errors.limits import TooMany

_TIMEOUTS = (10, 60)  # seconds to connect, and between bytes
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OVER = "exchange-subject-token-over"
# Where what to try has other names here than at the endpoint.
_HINTS = {
    "exchange-no-project": "Name one of them with --project (project_name in clouds.yaml).",
    "exchange-invalid-target": "`p3idp projects` lists yours after `p3idp login`; the broker's page does too.",
    "exchange-invalid-scope": "Give one project as NAME or NAME@DOMAIN.",
}


@dataclass(frozen=True, slots=True)
class BrokerToken:
    """A Keystone token from the broker. ``auth_url``: the Keystone it is for; ``scope``: the project, as a scope."""

    value: Secret[str]
    expires_at: datetime
    scope: str
    auth_url: str
    project_id: str


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how it is trusted: ``verify`` is a bundle's file, or True for the system's authorities."""

    url: str
    verify: str | bool = True

    def exchange(self, token: Secret[str], *, scope: str | None = None, resource: str | None = None) -> BrokerToken:
        """Trade an access token for a Keystone token of one project, named by scope or by resource.

        Raises BrokerRefused, SignInNeeded, BrokerUnreachable or BrokerUnsafe.
        """
        form = {
            "grant_type": GRANT_TYPE,
            "subject_token": token.reveal(),
            "subject_token_type": ACCESS_TOKEN,
            "requested_token_type": KEYSTONE_TOKEN,
        }
        form |= {name: value for name, value in (("scope", scope), ("resource", resource)) if value}
        status, body = self._post(form)
        if status != 200:
            raise refusal(status, body, self.url)
        try:
            return _read(body)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise BrokerUnreachable(f"{self.url} answered something that is not a token reply.") from exc

    def _post(self, form: Mapping[str, str]) -> tuple[int, Any]:
        if not _is_safe(self.url):
            raise BrokerUnsafe(f"`{self.url}` is not an https address; the token was not sent.")
        with requests.Session() as session:
            # Neither a proxy, a .netrc nor a certificate bundle of the environment may come between.
            session.trust_env = False
            try:
                reply = session.post(
                    self.url.rstrip("/") + "/oauth/token",
                    data=form,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                    timeout=_TIMEOUTS,
                    verify=self.verify,
                    allow_redirects=False,  # a redirect would carry the token elsewhere
                    stream=True,
                )
                body = bounded(reply)
            except requests.exceptions.SSLError as exc:
                check_bundle(self.verify)
                untrusted = distrust(exc)
                told = f"The certificate of {self.url} {untrusted.why}."
                raise BrokerUnreachable(told, hint=untrusted.hint) from exc
            except (requests.RequestException, OSError, ValueError) as exc:
                check_bundle(self.verify)
                why = "in time" if isinstance(exc, requests.Timeout) else "there"
                raise BrokerUnreachable(f"The broker at {self.url} does not answer {why}.") from exc
        try:
            return reply.status_code, parse_object(body, DEPTH)
        except NotStrictJson:
            return reply.status_code, None


def _is_safe(url: str) -> bool:
    """Whether it is a plain https address; on this machine http will do."""
    host = _host(url)
    return host is not None and (url.startswith("https://") or host in _LOOPBACK)


def _host(url: str) -> str | None:
    """The host of a plain address, with TLS or without."""
    origin = origin_of("https://" + url.removeprefix("http://") if url.startswith("http://") else url)
    return origin[1] if origin else None


def _read(body: Mapping[str, Any]) -> BrokerToken:
    if body["issued_token_type"] != KEYSTONE_TOKEN:
        raise ValueError("another type of token")
    value, expires_at = body["access_token"], datetime.fromisoformat(body["expires_at"])
    auth_url, named, project_id = body["resource"].rpartition("/projects/")
    if not (is_token(value) and expires_at.tzinfo and named and _host(auth_url)):
        raise ValueError("no token of a project of a Keystone")
    return BrokerToken(Secret(value), expires_at, str(body["scope"]), auth_url, project_id)


def refusal(status: int, body: Any, url: str) -> BrokerRefused | BrokerUnreachable | SignInNeeded:
    """What a broker's answer means that is no success: ``body`` as RFC 6749 section 5.2 has it, or anything."""
    if not isinstance(body, dict) or not isinstance(body.get("error"), str):
        return BrokerUnreachable(f"{url} answered {status} and is no broker, or not a working one.")
    code = _plain(body.get("code"))
    kinds: list[type[P3idpError]] = [TooMany, ExchangeError, *ExchangeError.__subclasses__()]
    known = next((kind.hint for kind in kinds if kind.code == code), "")
    # The endpoint says what to try at the end of its text, in the words of its parameters.
    said = _plain(body.get("error_description")).removesuffix(known).strip() or _plain(body["error"])
    named = ", ".join(filter(None, (code, _plain(body.get("request_id")))))
    detail = f"{said} ({named})" if named else said
    if code == _OVER:
        return SignInNeeded(detail)
    if status >= 500 or status == TooMany.http_status:
        return BrokerUnreachable(detail, hint=known or "Try again in a moment.")
    return BrokerRefused(detail, hint=_HINTS.get(code, known))


def _plain(text: object) -> str:
    """What a terminal may show of somebody else's text: a line of printable ASCII, not too long."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:2000] if isinstance(text, str) else ""
