"""The reference page of the broker's endpoints says what the code does: errors, members, parameters, addresses."""

import inspect
import re
from pathlib import Path

import pytest
from exchange_world import World, a_provider, some_claims

from p3idp.core.exchange.published import protected_resource
from p3idp.core.exchange.request import _KNOWN
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError, exchange, own_access
from p3idp.errors.limits import TooMany
from p3idp.ops.own_access import AccessDesk
from p3idp.web import access, device_token, resource_metadata
from p3idp.web import exchange as token_endpoint

PAGE = (Path(__file__).parents[2] / "docs/reference/broker-api.md").read_text(encoding="utf-8")
ERRORS = sorted(
    {error for module in (exchange, own_access) for _, error in inspect.getmembers(module, inspect.isclass)
     if issubclass(error, exchange.ExchangeError)} | {TooMany}, key=lambda error: error.code
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_each_error_stands_there_with_its_word_and_status(error: type[P3idpError]):
    assert f"\n| `{error.code}` | `{error.oauth_error}` | {error.http_status} | " in PAGE  # type: ignore[attr-defined]


def test_no_error_stands_there_that_is_none():
    told = set(re.findall(r"^\| `([a-z-]+)` \| `[a-z_]+` \| \d{3} \|", PAGE, re.M))
    assert told == {error.code for error in ERRORS}


def members(value: object) -> set[str]:
    """The names of all members, however deep."""
    if isinstance(value, dict):
        return set(value) | {name for each in value.values() for name in members(each)}
    return {name for each in value for name in members(each)} if isinstance(value, list) else set()


def test_each_member_of_an_answer_stands_there():
    world = World()
    parts = world.exchange
    desk = AccessDesk(parts.policy, parts.verifier, parts.keystone, parts.clock)
    member = "urn:mace:egi.eu:group:vo.access.egi.eu:role=member"
    world.tokens.claims["token-heidi"] = some_claims("heidi", entitlements=(member,))
    told: set[str] = set()
    for token in ("token-alice", "token-heidi"):
        told |= members(access.as_json(desk.tell(RawToken(Secret(token)))))
    told |= set(
        protected_resource(world.policy.site, {a_provider().id: "p3idp-cli"}, "https://b.test", "https://k.test")
    )
    assert len(told) > 40
    assert sorted(name for name in told if f"`{name}`" not in PAGE) == []


def test_each_parameter_and_address_stands_there():
    paths = [access.PATH, resource_metadata.PATH, token_endpoint.PATH, token_endpoint.METADATA_PATH,
             device_token.PATH, device_token.REVOKE_PATH]  # fmt: skip
    assert [name for name in (*_KNOWN, *paths) if f"`{name}`" not in PAGE and f" {name}`" not in PAGE] == []
