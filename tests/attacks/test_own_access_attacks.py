"""Attacks on the list of one's own access: who asks is said by a verified token in one header, and by nothing else.

Forged tokens (X13), those of other clients (X05-X07) and those taken back (X14) meet the exchange's own verifier;
requests that say it twice, elsewhere or by other headers (X01-X03) are refused or change nothing; errors give nothing
away (X36).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from battery import Attack
from exchange_world import World
from flask import Flask
from flask.testing import FlaskClient
from forgeries import FORGERIES
from hostile import HostileProvider
from trusting import Trust, make_trust, provider_of
from werkzeug.test import TestResponse

from p3idp.core.policy.model import Policy
from p3idp.errors.keystone import FederatedLoginRefused
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.policy import PolicyInvalid
from p3idp.errors.settings import SettingsInvalid
from p3idp.ops.own_access import AccessDesk
from p3idp.web.access import PATH, access_blueprint

CANARY = "c4n4ry"
ALICE = {"Authorization": "Bearer token-alice"}
# What a front, a proxy or Keystone's own middleware would believe.
CLAIMED = {
    "X-Roles": "admin", "X-User-Id": "bob", "X-User-Name": "bob", "X-Project-Id": "1", "X-Identity-Status": "Confirmed",
    "X-Auth-Token": "token-bob", "X-Subject-Token": "token-bob", "OIDC-sub": "bob@egi.eu", "X-Forwarded-User": "bob",
    "X-Remote-User": "bob", "Remote-User": "bob", "OIDC-eduperson_entitlement": "urn:mace:egi.eu:group:admins",
    "X-HTTP-Method-Override": "DELETE", "X-Original-Url": "/oauth/token", "Cookie": "p3idp-session=token-bob",
}  # fmt: skip


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return client_of(world)


def client_of(world: World, **other: object) -> FlaskClient:
    exchange = replace(world.exchange, **other)  # type: ignore[arg-type]  # a test may put in anything
    desk = AccessDesk(exchange.policy, exchange.verifier, exchange.keystone, exchange.clock)
    app = Flask("test")
    app.register_blueprint(access_blueprint(desk, "https://broker.test"))
    return app.test_client()


def expect(attack: Attack, variant: str, reply: TestResponse, status: int, code: str, row: str | None = None) -> None:
    """Refused in this way, and nobody's access is in it."""
    body = reply.get_json(silent=True) or {}
    got = (reply.status_code, body.get("code"))
    held = (
        got == (status, code)
        and not body.keys() & {"person", "projects"}
        and not re.search("token-(alice|bob)", reply.text)
    )
    attack.saw(variant, held, f"{got[0]} {got[1]}", row)
    assert held, (variant, got, reply.text)


@pytest.mark.attack("X01", "X02", "X03")
def test_a_token_elsewhere_than_in_one_header_is_refused(client: FlaskClient, world: World, attack: Attack):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        expect(attack, method, client.open(PATH, method=method, headers=ALICE), 405, "access-method", "X01")
    bad = (400, "access-invalid-request")
    for variant, query in {
        "a token": "access_token=token-alice",
        "another": "access_token=token-bob",
        "any": "x",
    }.items():
        expect(attack, f"{variant} in the query", client.get(f"{PATH}?{query}"), *bad, "X03")
        expect(attack, f"{variant} in query and header", client.get(f"{PATH}?{query}", headers=ALICE), *bad, "X03")
    body = {"access_token": "token-alice"}
    expect(attack, "in a form", client.get(PATH, data=body), *bad, "X02")
    expect(attack, "in a form, and the header", client.get(PATH, data=body, headers=ALICE), *bad, "X02")
    expect(attack, "in JSON", client.get(PATH, json=body, headers=ALICE), *bad, "X02")
    chunked = client.get(PATH, headers={**ALICE, "Transfer-Encoding": "chunked"})
    expect(attack, "in chunks", chunked, *bad, "X02")
    cookie = client.get(PATH, headers={"Cookie": "access_token=token-alice; session=token-alice"})
    expect(attack, "in a cookie", cookie, 401, "access-token-missing", "X03")
    assert (world.tokens.asked, world.keystone.calls) == ([], []), "nobody was asked"


@pytest.mark.attack("X03")
def test_a_header_that_holds_more_or_else_than_a_token_is_refused(client: FlaskClient, world: World, attack: Attack):
    two = [("Authorization", "Bearer token-alice"), ("Authorization", "Bearer token-bob")]
    bad = (400, "access-invalid-request")
    expect(attack, "doubled", client.get(PATH, headers=two), *bad)
    expect(attack, "doubled, the same", client.get(PATH, headers=[two[0], two[0]]), *bad)
    for value in ("Bearer token-alice,Bearer token-bob", "Bearer token-alice, token-bob", "Bearer",
                  "Bearer token-alice token-bob", "Bearer ", "Bearertoken-alice", "Bearer\ttoken-alice",
                  'Bearer "token-alice"', "Bearer token-alice;x", "Bearer =token-alice", "Bearer t\u00f6ken",
                  "Bearer token%2dalice", f"Bearer {'x' * 16_385}"):  # fmt: skip
        expect(attack, repr(value[:40]), client.get(PATH, headers={"Authorization": value}), *bad)
    for value in (
        "token-alice",
        "Basic eDp5,Bearer token-alice",
        "Basic dG9rZW4tYWxpY2U=",
        "DPoP token-alice",
        "Token token-alice",
        "",
    ):
        reply = client.get(PATH, headers={"Authorization": value})
        expect(attack, repr(value), reply, 401, "access-token-missing")
    assert world.tokens.asked == []


@pytest.mark.attack("X03")
def test_no_other_header_says_who_asks(client: FlaskClient, world: World, attack: Attack):
    alone = client.get(PATH, headers=ALICE).json
    for name, value in CLAIMED.items():
        reply = client.get(PATH, headers={**ALICE, name: value})
        held = reply.json == alone
        attack.saw(f"{name} beside a token", held, str(reply.status_code))
        assert held, name
        expect(attack, f"{name} alone", client.get(PATH, headers={name: value}), 401, "access-token-missing")
    assert set(world.tokens.asked) == {"token-alice"}


def over(trust: Trust, **policy: object) -> FlaskClient:
    """The list over p3idp's own verifier and the hostile provider."""
    world = World(provider_of(trust.hostile, **policy))
    return client_of(world, verifier=trust.verifier, clock=lambda: datetime.now(UTC))


@pytest.mark.attack("X13")
def test_a_forged_access_token_opens_nothing(trusting: Trust, attack: Attack):
    client = over(trusting)
    forged = [each for each in FORGERIES if "access" in each.kinds]
    assert len(forged) > 100
    for forgery in forged:
        token = forgery.token(trusting.hostile, "access")
        reply = client.get(PATH, headers={"Authorization": f"Bearer {token}"})
        body = reply.get_json()
        # What no header can hold never gets as far as a verifier.
        told = f"({forgery.reason})" in body["error_description"] or body["code"] != "exchange-subject-token-refused"
        held = (
            reply.status_code in (400, 401) and told and "person" not in body and (not token or token not in reply.text)
        )
        attack.saw(f"{forgery.row} {forgery.name}", held, f"{reply.status_code} {body['code']}")
        assert held, (forgery.name, body)
    assert trusting.hostile.counts["introspection"] == 0


@pytest.mark.attack("X05", "X06", "X07", "X14")
def test_a_token_of_another_client_or_of_nobody_opens_nothing(hostile: HostileProvider, attack: Attack):
    trust = make_trust(hostile)
    for row, claims in {"X05": {"aud": "other-service"}, "X07": {}}.items():
        other = hostile.access_token(azp="other-service", client_id="other-service", **claims)
        reply = over(trust).get(PATH, headers={"Authorization": f"Bearer {other}"})
        expect(attack, f"another client {claims}", reply, 401, "exchange-subject-token-refused", row)
    none = make_trust(hostile, issuing_clients=(), audiences=())
    reply = over(none, issuing_clients=(), audiences=()).get(
        PATH, headers={"Authorization": f"Bearer {hostile.access_token()}"}
    )
    expect(attack, "a policy without clients", reply, 403, "exchange-off", "X06")
    hostile.introspection_changes = {"active": False}
    reply = over(make_trust(hostile)).get(PATH, headers={"Authorization": f"Bearer {hostile.access_token()}"})
    expect(attack, "taken back", reply, 401, "exchange-subject-token-over", "X14")


def _raise(error: Exception) -> Callable[..., object]:
    def act(*_: object) -> object:
        raise error

    return act


@pytest.mark.attack("X36")
def test_no_answer_tells_of_tokens_stacks_or_keystone(attack: Attack):
    inside = f"{CANARY} Traceback /srv/keystone/policy.py"
    troubles: dict[str, Callable[[World], object]] = {
        "Keystone refuses": lambda w: setattr(w.keystone, "login", _raise(FederatedLoginRefused(inside, debug=inside))),
        "Keystone refuses the list": lambda w: setattr(
            w.keystone, "projects", _raise(FederatedLoginRefused(inside, debug=inside))
        ),
        "an error for administrators": lambda w: setattr(w.keystone, "login", _raise(SettingsInvalid(inside))),
        "a defect": lambda w: setattr(w.keystone, "login", _raise(RuntimeError(inside))),
        "the provider is away": lambda w: setattr(w.tokens, "problem", ProviderUnreachable(inside, debug=inside)),
        "a defect in the verifier": lambda w: setattr(w.tokens, "problem", KeyError(inside)),
        "a bad token": lambda w: w.tokens.claims.clear(),
    }
    for variant, trouble in troubles.items():
        world = World()
        trouble(world)
        _gives_nothing_away(attack, variant, client_of(world).get(PATH, headers=ALICE))

    def unreadable() -> Policy:
        raise PolicyInvalid(inside)

    _gives_nothing_away(
        attack, "a policy that cannot be read", client_of(World(), policy=unreadable).get(PATH, headers=ALICE)
    )
    good = client_of(World()).get(PATH, headers=ALICE)
    held = "token" not in good.text.replace("token_", "")
    attack.saw("a good answer holds no token", held, str(good.status_code))
    assert held


def _gives_nothing_away(attack: Attack, variant: str, reply: TestResponse) -> None:
    shown = f"{reply.text} {reply.headers}"
    leaks = re.findall(rf"{CANARY}|Traceback|token-alice|keystone-token|\.py|/srv", shown)
    attack.saw(variant, not leaks, f"{reply.status_code}")
    assert not leaks, (variant, leaks, shown)
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.attack("X36")
def test_nobody_learns_of_anybody_else(client: FlaskClient, world: World, attack: Attack):
    world.arrive("mallory", {}, entitlements=("urn:mace:egi.eu:group:secret-society:role=member",))
    bob = client.get(PATH, headers={"Authorization": "Bearer token-bob"})
    held = bob.json["projects"] == [] and "alice" not in bob.text and "secret-society" not in bob.text
    attack.saw("somebody without access", held, str(bob.status_code))
    assert held


@pytest.mark.accept_control
def test_good_requests_pass(client: FlaskClient, trusting: Trust, attack: Attack):
    for variant, value in {"Bearer": "Bearer token-alice", "lower case": "bearer token-alice",
                           "two spaces": "Bearer  token-alice"}.items():  # fmt: skip
        reply = client.get(PATH, headers={"Authorization": value})
        attack.saw(variant, reply.status_code == 200, str(reply.status_code), "accept")
        assert reply.status_code == 200
    real = over(trusting).get(PATH, headers={"Authorization": f"Bearer {trusting.hostile.access_token()}"})
    attack.saw("Check-in's shape, p3idp's own verifier", real.status_code == 200, str(real.status_code), "accept")
    assert real.json["person"]["subject"] == "mallory@egi.eu"


def test_verified_claims_come_from_the_exchanges_own_verifier():
    """The list is wired over the exchange's parts, so that limits and caches are one."""
    from p3idp.wiring import wire_own_access

    exchange = World().exchange
    desk = wire_own_access(exchange)
    assert (desk.verifier, desk.policy, desk.keystone) == (exchange.verifier, exchange.policy, exchange.keystone)
