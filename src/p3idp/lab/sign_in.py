"""Play the browser: get a Check-in access token by the authorization code flow with PKCE and the sign-in form.

Owns the script's side of OpenID Connect Core 3.1 and RFC 7636; nothing here verifies tokens, the broker does.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from p3idp.errors.lab import LabNotRunning, LabSignInFailed
from p3idp.lab.authority import trust
from p3idp.lab.layout import Layout
from p3idp.wiring import new_token

SCOPES = "openid profile email voperson_id eduperson_entitlement entitlements eduperson_assurance"
_FOLDERS = {"egi": "checkin", "hub": "hub"}
_MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in, where, through which client. In the lab the password is the login unless given.

    ``proof``: makes the DPoP proof for a token endpoint (RFC 9449), so that the token is bound to its key.
    """

    login: str
    provider: str = "egi"
    client: str = "p3idp-cli"
    scopes: str = SCOPES
    password: str = ""
    proof: Callable[[str], str] | None = None


def sign_in(layout: Layout, person: Person) -> dict[str, Any]:
    """Sign a person in and return the token reply (RFC 6749 section 5.1).

    Raises LabSignInFailed, and LabNotRunning where no provider answers.
    """
    try:
        config = json.loads((layout.state / _FOLDERS[person.provider] / "config.json").read_text(encoding="utf-8"))
        with httpx.Client(verify=trust(layout), trust_env=False, timeout=20) as browser:
            return _flow(browser, f"{config['issuer']}/protocol/openid-connect", _client(config, person.client), person)
    except (httpx.TransportError, FileNotFoundError) as exc:
        raise LabNotRunning(f"The lab's identity provider {person.provider} does not answer.") from exc


def _client(config: Mapping[str, Any], client_id: str) -> Mapping[str, Any]:
    clients = {client["client_id"]: client for client in config["clients"]}
    if client_id not in clients:
        names = ", ".join(sorted(clients))
        raise LabSignInFailed(f"There is no client {client_id} at the stand-in.", hint=f"It knows {names}.")
    return cast("Mapping[str, Any]", clients[client_id])


def _flow(browser: httpx.Client, endpoint: str, client: Mapping[str, Any], person: Person) -> dict[str, Any]:
    verifier, state = new_token(), new_token()
    redirect = client["redirect_uris"][0]
    query = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": redirect,
        "scope": person.scopes,
        "state": state,
        "nonce": new_token(),
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    form = _follow(browser, browser.get(f"{endpoint}/auth?{urlencode(query)}"), redirect)
    if form.is_redirect or form.status_code != 200:
        raise LabSignInFailed(f"The stand-in refused the request of {client['client_id']}: {_error(form)}.")
    credentials = {"login": person.login, "password": person.password or person.login}
    back = _follow(browser, browser.post(form.url, data=credentials), redirect)
    answer = dict(parse_qsl(urlsplit(back.headers.get("location", "")).query))
    if "code" not in answer or answer.get("state") != state:
        raise LabSignInFailed(f"The stand-in did not sign {person.login} in: {_error(back)}.")
    parameters = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": redirect}
    if person.proof is not None:
        browser.headers["DPoP"] = person.proof(f"{endpoint}/token")
    return _redeem(browser, f"{endpoint}/token", client, {**parameters, "code_verifier": verifier})


def _follow(browser: httpx.Client, answer: httpx.Response, redirect: str) -> httpx.Response:
    """Follow redirects within the provider; the one to the client is for us and is not followed."""
    for _ in range(_MOST_REDIRECTS):
        location = answer.headers.get("location", "")
        if not answer.is_redirect or location.startswith(redirect):
            break
        answer = browser.get(answer.url.join(location))
    return answer


def _redeem(
    browser: httpx.Client, endpoint: str, client: Mapping[str, Any], parameters: Mapping[str, str]
) -> dict[str, Any]:
    secret = client.get("client_secret")
    reply = browser.post(
        endpoint,
        data={**parameters, "client_id": client["client_id"]},
        auth=httpx.BasicAuth(client["client_id"], secret) if secret else httpx.USE_CLIENT_DEFAULT,
    )
    if reply.status_code != 200:
        raise LabSignInFailed(f"The stand-in did not redeem the code: {_error(reply)}.")
    return cast("dict[str, Any]", reply.json())


def _error(answer: httpx.Response) -> str:
    """What went wrong, in the provider's words (RFC 6749 section 4.1.2.1), without anything secret."""
    said = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
    if not said and "json" in answer.headers.get("content-type", ""):
        said = answer.json()
    words = [said[key] for key in ("error", "error_description") if key in said]
    return ": ".join(words) or (
        "unknown login or wrong password" if answer.status_code == 200 else f"HTTP {answer.status_code}"
    )
