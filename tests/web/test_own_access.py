"""One's own access over HTTP: the same decision as everywhere, beside what Keystone has; and refusals by RFC 6750."""

from datetime import timedelta

import pytest
from exchange_world import BEGIN, ISSUER, OPERATORS, P3, P4, World, a_provider
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from p3idp.core.policy.model import ProjectRef
from p3idp.errors.exchange import NoAccess
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ops.own_access import AccessDesk
from p3idp.web.access import PATH, access_blueprint

METADATA = "https://broker.test/.well-known/oauth-protected-resource"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return client_of(world)


def client_of(world: World) -> FlaskClient:
    exchange = world.exchange
    app = Flask("test")
    desk = AccessDesk(exchange.policy, exchange.verifier, exchange.keystone, exchange.clock, exchange.remember)
    app.register_blueprint(access_blueprint(desk, "https://broker.test/"))
    return app.test_client()


def ask(client: FlaskClient, token: str = "token-alice", **more) -> TestResponse:
    return client.get(PATH, headers={"Authorization": f"Bearer {token}"}, **more)


def test_all_that_is_told_of_somebody_with_access(client: FlaskClient):
    reply = ask(client)
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-store")
    rule = {"rule": "vo.access.egi.eu:role=vm_operator", "community": "vo.access.egi.eu", "title": "Access",
            "held": f"{OPERATORS}#aai.egi.eu", "until": None}  # fmt: skip
    both = {"roles": ["member"], "communities": ["vo.access.egi.eu"], "rules": [rule], "policy_until": None}
    assert reply.json == {
        "person": {"subject": "alice@egi.eu", "issuer": ISSUER, "name": "alice", "identity_provider": "egi"},
        "site": {"name": "Lab", "contact": "c@x.test"},
        "projects": [
            {"project": "p3@egi", "id": "id-of-p3-in-egi", "roles_at_keystone": ["member"], "reachable": True,
             "until": "2026-11-22T09:00:00+00:00", **both},
            {"project": "p4@egi", "id": None, "roles_at_keystone": None, "reachable": False, "until": None, **both},
        ],
        "explanation": None,
        "differences": [{"project": "p4@egi", "only_policy": ["member"], "only_keystone": []}],
        "keystone": {"problem": None, "user_name": "alice", "memberships_lapse": "2026-11-22T09:00:00+00:00"},
    }  # fmt: skip


def test_access_ends_with_what_ends_first():
    soon, late = BEGIN + timedelta(minutes=20), BEGIN + timedelta(days=30)
    for policy_end, first in ((soon, "2026-11-22T08:20:00+00:00"), (late, "2026-11-22T09:00:00+00:00")):
        (p3, p4) = ask(client_of(World(until=policy_end))).json["projects"]
        assert p3["until"] == first
        assert p4["until"] == p4["policy_until"] == policy_end.isoformat(timespec="seconds")


def test_somebody_without_access_learns_the_reason_of_every_other_door(client: FlaskClient, world: World):
    member = str(OPERATORS).replace("vm_operator", "member")
    world.arrive("heidi", {}, entitlements=(member,))
    reply = ask(client, "token-heidi")
    assert reply.status_code == 200
    assert reply.json["projects"] == []
    told = reply.json["explanation"]
    with pytest.raises(NoAccess) as exchanged:
        world.ask("token-heidi")
    assert told["detail"] == exchanged.value.detail
    assert told["reason"] in told["detail"]
    assert told["ask"] == "c@x.test"
    assert told["nearest"] == {
        "rule": "vo.access.egi.eu:role=vm_operator", "community": "vo.access.egi.eu", "title": "Access",
        "contact": "c@x.test", "wanted": str(OPERATORS), "reason": "entitlement", "held": None,
        "near": [{"held": member, "how": "other-role"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "problem", "reachable"),
    [
        (lambda world: setattr(world.keystone, "down", True), KeystoneUnreachable.code, None),
        (lambda world: world.keystone.people.pop("token-alice"), "federated-login-refused", False),
        (
            lambda world: setattr(world.keystone.people["token-alice"], "enabled", False),
            "keystone-user-disabled",
            False,
        ),
    ],
    ids=["silent", "refuses", "user disabled"],
)
def test_the_policys_word_is_told_whatever_keystone_does(client, world, trouble, problem, reachable):
    trouble(world)
    told = ask(client).json
    assert [(p["project"], p["reachable"], p["until"]) for p in told["projects"]] == [
        ("p3@egi", reachable, None), ("p4@egi", reachable, None)
    ]  # fmt: skip
    assert told["keystone"] == {"problem": problem, "user_name": None, "memberships_lapse": None}
    assert told["differences"] == []


def test_what_only_keystone_has_is_told_apart(client: FlaskClient, world: World):
    by_hand = ProjectRef("egi", "by-hand")
    world.arrive("alice", {P3: ("member", "admin"), P4: ("member",), by_hand: ("reader",)})
    told = ask(client).json
    assert [p["project"] for p in told["projects"]] == ["p3@egi", "p4@egi"]
    assert told["differences"] == [
        {"project": "by-hand@egi", "only_policy": [], "only_keystone": ["reader"]},
        {"project": "p3@egi", "only_policy": [], "only_keystone": ["admin"]},
    ]


def test_a_login_seen_here_is_remembered_and_nothing_is_written_into_the_ledger(world: World):
    seen = []
    exchange = world.exchange
    desk = AccessDesk(exchange.policy, exchange.verifier, exchange.keystone, exchange.clock,
                      lambda claims, now: seen.append(claims.subject))  # fmt: skip
    app = Flask("test")
    app.register_blueprint(access_blueprint(desk, "https://broker.test"))
    ask(app.test_client())
    assert seen == ["alice@egi.eu"]
    assert world.ledger.events == []


@pytest.mark.parametrize(
    ("headers", "status", "error", "code"),
    [
        ({}, 401, None, "access-token-missing"),
        ({"Authorization": "Basic cDM6cDM="}, 401, None, "access-token-missing"),
        ({"Authorization": "Bearer"}, 400, "invalid_request", "access-invalid-request"),
        ({"Authorization": "Bearer unknown"}, 401, "invalid_token", "exchange-subject-token-refused"),
    ],
    ids=["none", "another scheme", "empty", "unknown"],
)
def test_a_refusal_names_the_metadata_and_an_error_only_to_who_sent_a_token(client, headers, status, error, code):
    reply = client.get(PATH, headers=headers)
    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert reply.headers["Cache-Control"] == "no-store"
    challenge = reply.headers["WWW-Authenticate"]
    assert challenge.startswith(f'Bearer resource_metadata="{METADATA}"')
    assert ("error=" in challenge) == (error is not None)
    if error:
        assert f'error="{error}"' in challenge
        assert reply.json["error"] == error


def test_a_token_that_is_over_is_invalid_and_a_site_without_clients_takes_none(client: FlaskClient, world: World):
    world.clock.forward(hours=1)
    over = ask(client)
    assert (over.status_code, over.json["error"], over.json["code"]) == (
        401, "invalid_token", "exchange-subject-token-over"
    )  # fmt: skip
    off = ask(client_of(World(a_provider(issuing_clients=()))))
    assert (off.status_code, off.json["code"]) == (403, "exchange-off")
    assert off.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{METADATA}"'


def test_head_is_a_get_without_a_body_and_no_other_site_may_read(client: FlaskClient):
    assert client.head(PATH, headers={"Authorization": "Bearer token-alice"}).status_code == 200
    asked = client.options(PATH, headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"})
    got = ask(client)
    assert not [name for reply in (asked, got) for name, _ in reply.headers if "access-control" in name.lower()]
