"""Sign in with a browser anywhere, and carry its answer over by hand. Owns what is asked for and how it is read."""

from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from p3idp.client.env import now
from p3idp.client.flows.browser import redirect_of
from p3idp.client.flows.request import new_request
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider
from p3idp.core.login.callback import check_state, read_callback
from p3idp.errors.login import SignInRefused
from p3idp.errors.sign_in import SignInFailed

_PORT = 41899  # nothing of ours listens there: the browser fails to open it, and the person copies the address
_TRIES = 3


def by_paste(
    provider: Provider, scopes: Sequence[str], tell: Callable[[str], None], read: Callable[[], str], redirect: str = ""
) -> Identity:
    """Show the link and take the address that the browser ended at. Raises SignInFailed and its kin."""
    port, path = redirect_of(redirect)
    request = new_request(provider, scopes, f"http://127.0.0.1:{port or _PORT}{path}")
    tell("Open this link in any browser and sign in:")
    tell(request.url)
    tell("At the end the browser says that it cannot open a page. Copy that page's whole address and paste it here.")
    for _ in range(_TRIES):
        try:
            callback = read_callback(parse_qsl(urlsplit(read().strip()).query, keep_blank_values=True))
            check_state(callback, request.state)
        except (SignInRefused, ValueError):
            tell(f"That is not the address. It begins with {request.redirect_uri}?")
            continue
        return request.finish(callback, now())
    raise SignInFailed("The address of this sign-in was not pasted.", hint="Run `p3idp login` again.")
