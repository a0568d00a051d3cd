"""What an exchange asks for. Owns the reading of the form (RFC 8693 section 2.1); who asks is not known yet.

Everything is checked that can be checked without the token: nothing of a malformed request reaches anybody else.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from p3idp.core.exchange.target import Target, parse_resource, parse_scope
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.errors.exchange import ExchangeError, InvalidTarget, UnsupportedGrantType

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT = "urn:ietf:params:oauth:token-type:jwt"
# Ours: a Keystone v3 token. RFC 8693 section 3 lets a deployment name its own types by URI.
KEYSTONE_TOKEN = "urn:openstack:params:oauth:token-type:keystone-v3"  # noqa: S105 - the name of a type

MAX_TOKEN_LENGTH = 16_384
_KNOWN = (
    "grant_type", "subject_token", "subject_token_type", "requested_token_type", "resource", "audience", "scope",
    "actor_token", "actor_token_type", "client_id",
)  # fmt: skip
# RFC 8693 section 2.1 lets these two repeat; p3idp makes tokens for one project at a time.
_MAY_REPEAT = ("resource", "audience")


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """A well-formed request. ``target``: the project asked for; nothing in it where none was named.

    ``client_id``: which client asks (RFC 6749 section 3.2.1), in its own words; empty where it does not say.
    """

    subject_token: RawToken
    target: Target
    client_id: str = ""


def parse_request(parameters: Sequence[tuple[str, str]], keystone_urls: Collection[str]) -> ExchangeRequest:
    """Read the form's parameters, in any order. ``keystone_urls``: where the site's Keystone is known under.

    Raises ExchangeError and its kinds UnsupportedGrantType, InvalidScope and InvalidTarget.
    """
    # A parameter without a value counts as left out (RFC 6749 section 3.2); unknown ones are ignored (same place).
    given = [(name, value) for name, value in parameters if name in _KNOWN and value]
    _refuse_repeats(parameters)
    form = dict(given)
    _check_types(form)
    token = form["subject_token"]
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii() or not token.isprintable() or " " in token:
        raise ExchangeError("The subject_token is not a token: it is too long, or holds characters no token has.")
    if "audience" in form and form["audience"].rstrip("/") not in keystone_urls:
        raise InvalidTarget(_FOREIGN)
    project_id = parse_resource(form["resource"], keystone_urls) if "resource" in form else None
    if "resource" in form and project_id is None:
        raise InvalidTarget(_FOREIGN)
    name, domain = parse_scope(form["scope"]) if "scope" in form else (None, None)
    return ExchangeRequest(RawToken(Secret(token)), Target(project_id, name, domain), form.get("client_id", ""))


_FOREIGN = "The resource or audience is not this site's Keystone."


def _refuse_repeats(parameters: Sequence[tuple[str, str]]) -> None:
    for name, times in Counter(name for name, _ in parameters).items():
        if times > 1 and name in _MAY_REPEAT:
            raise InvalidTarget(f"{name} is given {times} times; p3idp makes tokens for one project at a time.")
        if times > 1 and name in _KNOWN:
            raise ExchangeError(f"{name} is given {times} times.")


def _check_types(form: dict[str, str]) -> None:
    if "grant_type" not in form:
        raise ExchangeError("grant_type is missing.")
    if form["grant_type"] != GRANT_TYPE:
        raise UnsupportedGrantType(f"This grant_type is none that is served here; an exchange's is {GRANT_TYPE}.")
    for name in ("subject_token", "subject_token_type"):
        if name not in form:
            raise ExchangeError(f"{name} is missing.")
    if form["subject_token_type"] not in (ACCESS_TOKEN, JWT):
        raise ExchangeError(f"The subject_token_type must be {ACCESS_TOKEN} or {JWT}.")
    if form.get("requested_token_type", KEYSTONE_TOKEN) != KEYSTONE_TOKEN:
        raise ExchangeError(f"The only requested_token_type here is {KEYSTONE_TOKEN}.")
    if "actor_token" in form or "actor_token_type" in form:
        raise ExchangeError("p3idp does not take an actor_token: nobody acts for another here.")
