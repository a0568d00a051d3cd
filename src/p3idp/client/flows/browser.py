"""Sign in with this machine's browser (RFC 8252). Owns opening it, and what is said meanwhile."""

import webbrowser
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from p3idp.client.env import now
from p3idp.client.flows.listener import Listener
from p3idp.client.flows.request import new_request
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider
from p3idp.errors.sign_in import ClientConfigInvalid

SECONDS = 300.0
_LOOPBACK = "http://127.0.0.1/"


def by_browser(
    provider: Provider,
    scopes: Sequence[str],
    tell: Callable[[str], None],
    redirect_uri: str = "",
    seconds: float = SECONDS,
) -> Identity:
    """Open a browser, and wait until somebody signed in there. Raises SignInTimedOut and its kin."""
    port, path = redirect_of(redirect_uri)
    try:
        listener = Listener(port, path)
    except OSError as exc:
        raise ClientConfigInvalid(f"Nothing can listen on 127.0.0.1:{port}: {exc.strerror}.") from exc
    request = new_request(provider, scopes, listener.address)
    with listener.answering(request.state, lambda callback: request.finish(callback, now())):
        tell(f"Opening your browser to sign in at {provider.issuer}")
        opened = webbrowser.open(request.url)
        tell("If no page opens, go to:" if opened else "No browser could be opened. Go to:")
        tell(request.url)
        return listener.wait(seconds)


def redirect_of(redirect_uri: str) -> tuple[int, str]:
    """Port and path of the configured redirect URI; 0 and ``/`` where none is. Raises ClientConfigInvalid.

    Providers that follow RFC 8252 section 7.3 take any port of a registered loopback address; others take one only.
    """
    try:
        parts = urlsplit(redirect_uri or _LOOPBACK)
        port = parts.port or 0
    except ValueError as exc:
        raise ClientConfigInvalid(f"The redirect URI {redirect_uri!r} is no address.") from exc
    if parts.scheme != "http" or parts.hostname != "127.0.0.1" or parts.query or parts.fragment:
        raise ClientConfigInvalid(
            f"The redirect URI {redirect_uri!r} is not of the form http://127.0.0.1:PORT/PATH.",
            hint="Only this machine may receive the answer (RFC 8252 section 7.3).",
        )
    return port, parts.path or "/"
