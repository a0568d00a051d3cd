"""Ask Keystone over HTTP on behalf of a person. Owns the connection and what its failures are called.

Nothing here knows p3idp's own account. Keystone's words never leave this module: a status goes into ``debug``.
"""

import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ports.request import request_id


class PersonalHttp:
    """Sends requests with a person's token. It keeps connections open and no person's state; thread-safe."""

    def __init__(self, ca_file: Path | None, timeout_seconds: float) -> None:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        # trust_env off: neither a proxy nor a certificate bundle of the environment may come between.
        self._http = httpx.Client(
            verify=context,
            trust_env=False,
            timeout=timeout_seconds,
            follow_redirects=False,
            # A jar that takes nothing: what Keystone's front sets for one person must not be shown for another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx.Limits(keepalive_expiry=2.0),  # Apache's KeepAliveTimeout is 5 s
        )

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Send one request and return its reply, whatever its status below 500. Raises KeystoneUnreachable."""
        sent = {"Accept": "application/json", **(headers or {})}
        if rid := request_id.get():
            sent["X-OpenStack-Request-ID"] = rid
        where = urlsplit(url).netloc
        try:
            reply = self._request_twice(method, url, sent, body)
        except httpx.HTTPError as exc:
            raise _unreachable(where, exc) from exc
        if reply.status_code >= 500 or reply.status_code == 429:
            raise KeystoneUnreachable(f"Keystone at {where} is in trouble.", debug=describe(reply))
        return reply

    def _request_twice(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Ask again, once, where the server closed a kept connection just as it was used again.

        Every request here may be made twice; at worst a second credential of one name is refused.
        """
        try:
            return self._http.request(method, url, headers=headers, json=body)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return self._http.request(method, url, headers=headers, json=body)


def _unreachable(where: str, exc: httpx.HTTPError) -> KeystoneUnreachable:
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):  # OpenSSL's word, the only thing httpx tells it by
        hint = "Name the CA that signed it in the settings ([keystone] ca_file)."
        return KeystoneUnreachable(f"The certificate of Keystone at {where} is not trusted.", hint=hint, debug=str(exc))
    return KeystoneUnreachable(f"Keystone at {where} does not answer ({type(exc).__name__}).")


def as_person(token: str) -> dict[str, str]:
    """The header that carries a Keystone token."""
    return {"X-Auth-Token": token}


def read_json(reply: httpx.Response) -> Mapping[str, Any]:
    """The body as an object. Raises KeystoneUnreachable for anything else."""
    try:
        body = reply.json()
    except ValueError as exc:
        raise KeystoneUnreachable("Keystone answered something that is not JSON.", debug=describe(reply)) from exc
    if not isinstance(body, dict):
        raise KeystoneUnreachable("Keystone answered JSON that is not an object.", debug=describe(reply))
    return body


def describe(reply: httpx.Response) -> str:
    """Say for the log who answered and how, in none of Keystone's words."""
    challenge = reply.headers.get("WWW-Authenticate", "").split(" ")[0]
    # Keystone challenges with its own scheme; Apache's module with Bearer (RFC 6750 section 3).
    who = {"Bearer": "Apache", "Keystone": "Keystone"}.get(challenge, "Keystone or Apache")
    return f"{who} answered {reply.status_code}"
