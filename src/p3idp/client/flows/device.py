"""Sign in on another device (RFC 8628). Owns asking for a code, showing it, and how often the provider is asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from p3idp.client.env import new_token, now
from p3idp.client.flows.request import challenge
from p3idp.client.http import Answer
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider, error_of
from p3idp.core.login import kinds
from p3idp.core.login.metadata import origin_of
from p3idp.errors.client import SignInNeeded
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import SignInDenied, SignInFailed, SignInTimedOut

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL, _SLOWER, _LONGEST_PAUSE = 5.0, 5.0, 60.0  # seconds; RFC 8628 sections 3.2 and 3.5
_LONGEST_LIFE = 3600.0
_LONGEST_LINK = 1000  # characters; a QR code holds no more than about three times as many
Said = Callable[[Answer], str] | None


@dataclass(frozen=True, slots=True)
class Patience:
    """How waiting is done; tests have their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """The provider's answer (RFC 8628 section 3.2). ``complete``: the link that holds the code, where there is one."""

    device_code: str
    user_code: str
    link: str
    complete: str
    interval: float
    life: float


def by_device(
    provider: Provider,
    scopes: Sequence[str],
    show: Callable[[DeviceCode], None],
    patience: Patience = Patience(),
    *,
    agent: str = "",
    said: Said = None,
) -> Identity:
    """Show a code, and ask until somebody agreed elsewhere. Raises SignInDenied, SignInTimedOut or SignInFailed.

    ``agent``: what this program is called there. ``said``: the words of a server whose words may be shown; a code that
    is over there without being expired is SignInNeeded.
    """
    if provider.device_endpoint is None:
        raise SignInFailed("The identity provider has no device sign-in.", hint="Use --flow browser or --flow paste.")
    # Not in RFC 8628, and some providers insist on it where a client is set to PKCE; others pass over it.
    verifier = new_token()
    form = {"client_id": provider.client_id, "scope": " ".join(scopes), **challenge(verifier)}
    headers = {"User-Agent": agent} if agent else {}
    code = _read(provider.web.post(provider.device_endpoint, form, headers), said)
    show(code)
    return _poll(provider, code, verifier, patience, said)


def _poll(provider: Provider, code: DeviceCode, verifier: str, patience: Patience, said: Said) -> Identity:
    form = {"grant_type": GRANT, "device_code": code.device_code, "code_verifier": verifier}
    end, pause = patience.clock() + code.life, code.interval
    while patience.clock() + pause < end:
        patience.sleep(pause)
        try:
            answer = provider.ask(form)
        except ProviderUnreachable:
            pause = min(pause * 2, _LONGEST_PAUSE)  # section 3.5: back off, not knock
            continue
        if answer.status == 200:
            return provider.identity(answer, now(), kinds.REFRESHED_ID_TOKEN)
        pause = _next_pause(answer, pause, said)
    raise SignInTimedOut("The code is over, and nobody used it.")


def _next_pause(answer: Answer, pause: float, said: Said) -> float:
    """How long to wait now. Raises where asking again is of no use."""
    error = error_of(answer)
    if error == "authorization_pending":
        return pause
    if error == "slow_down" or answer.status == 429:
        return pause + _SLOWER  # section 3.5: for this and all that follow
    if error == "access_denied":
        raise SignInDenied(said(answer) if said else "The sign-in was refused on the other device.")
    if error == "expired_token":
        raise SignInTimedOut("The code is over, and nobody used it.")
    if said and error == "invalid_grant":
        raise SignInNeeded(said(answer), hint="Sign in again: p3idp login")
    raise SignInFailed(said(answer) if said else f"The identity provider does not take the sign-in ({error}).")


def _read(answer: Answer, said: Said) -> DeviceCode:
    if answer.status == 429:
        raise ProviderUnreachable("Too many sign-ins begin there just now.", hint="Try again in a minute.")
    if answer.status != 200 and said:
        raise SignInFailed(said(answer))
    if answer.status != 200:
        raise SignInFailed(f"The identity provider gives no code for a device ({error_of(answer)}).")
    body = answer.json_object()
    device, user, link = (body.get(name) for name in ("device_code", "user_code", "verification_uri"))
    if not all(isinstance(text, str) and text for text in (device, user, link)) or not _is_link(link):
        raise SignInFailed("The identity provider's code for a device cannot be used.")
    if len(str(user)) > 40 or not str(user).isascii() or not str(user).isprintable():
        raise SignInFailed("The identity provider's code for a device cannot be shown.")
    complete = body.get("verification_uri_complete")
    return DeviceCode(
        device_code=str(device),
        user_code=str(user),
        link=str(link),
        complete=str(complete) if _is_link(complete) else "",
        interval=max(1.0, _seconds(body.get("interval"), _INTERVAL)),
        life=min(_seconds(body.get("expires_in"), 600.0), _LONGEST_LIFE),
    )


def _is_link(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_LINK and origin_of(value) is not None


def _seconds(value: object, usual: float) -> float:
    given = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if given and isinstance(value, int | float) else usual
