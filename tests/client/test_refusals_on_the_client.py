"""Whatever the broker refuses ends with its reason and the right exit status: the real endpoints, over memory."""

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import click
import pytest
from exchange_world import BEGIN, World, a_form, a_provider
from flask import Flask
from flask.testing import FlaskClient

from p3idp.cli.own_access import access_lines, notes, table
from p3idp.client.access import OwnAccess, ask_broker
from p3idp.client.clouds import Cloud
from p3idp.client.exchange import refusal
from p3idp.client.http import Answer, Web
from p3idp.core.policy.model import Suspension
from p3idp.core.secret import Secret
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.client import BrokerRefused, BrokerUnreachable, SignInNeeded
from p3idp.errors.login import ProviderUnreachable
from p3idp.ops.own_access import AccessDesk
from p3idp.web.access import access_blueprint
from p3idp.web.exchange import PATH, exchange_blueprint

BROKER = "https://broker.test"
CLOUD = Cloud("test", broker=BROKER, project="p3@egi")
Trouble = Callable[[World], object]


def client_of(world: World) -> FlaskClient:
    app, exchange = Flask("test"), world.exchange
    desk = AccessDesk(exchange.policy, exchange.verifier, exchange.keystone, exchange.clock)
    app.register_blueprint(exchange_blueprint(exchange, BROKER))
    app.register_blueprint(access_blueprint(desk, BROKER))
    return app.test_client()


def exchanged(world: World, token: str = "token-alice", **form: str | None) -> P3idpError:
    """What the client makes of a refused exchange."""
    reply = client_of(world).post(PATH, data=dict(a_form(token, **form)))
    assert reply.status_code >= 400
    return refusal(reply.status_code, reply.get_json(), BROKER)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., OwnAccess]:
    """Ask for one's access as `p3idp projects` does, over the real endpoint."""

    def ask(world: World, token: str = "token-alice") -> OwnAccess:
        def get(_: Web, url: str, headers: dict[str, str]) -> Answer:
            reply = client_of(world).get(urlsplit(url).path, headers=headers)
            if reply.status_code >= 500:
                raise ProviderUnreachable(f"broker.test answers with status {reply.status_code}.")
            return Answer(reply.status_code, {}, reply.get_data())

        monkeypatch.setattr(Web, "get", get)
        found = ask_broker(CLOUD, Secret(token))
        assert found is not None
        return found

    return ask


def suspended(world: World) -> None:
    (community,) = world.policy.communities
    world.policy = replace(world.policy, communities=(replace(community, suspended=Suspension(BEGIN, "an incident")),))


REFUSED = ExitStatus.REFUSED
CASES: dict[str, tuple[Trouble, dict[str, str | None], type[P3idpError], ExitStatus, str]] = {
    "no access": (lambda w: w.tokens.claims.update({"token-alice": w.tokens.claims["token-bob"]}), {},
                  BrokerRefused, REFUSED, "The policy gives you no project: no entitlements came along. Ask c@x.test."),
    "community suspended": (suspended, {}, BrokerRefused, REFUSED, "an incident"),
    "project not yours": (lambda w: None, {"scope": "project:nobodys@egi"}, BrokerRefused, REFUSED, "does not reach"),
    "none named": (lambda w: None, {"scope": None}, BrokerRefused, REFUSED, "project:p3@egi"),
    "policy off": (lambda w: setattr(w, "policy", World(a_provider(issuing_clients=())).policy), {},
                   BrokerRefused, REFUSED, "not exchanged here"),
    "user disabled": (lambda w: setattr(w.keystone.people["token-alice"], "enabled", False), {},
                      BrokerRefused, REFUSED, "your user at Keystone is disabled"),
    "policy not applied": (lambda w: w.keystone.people.pop("token-alice"), {}, BrokerRefused, REFUSED,
                           "does not let you in"),
    "token of another client": (lambda w: w.tokens.claims.clear(), {}, BrokerRefused, REFUSED, "signature"),
    "token over": (lambda w: w.clock.forward(hours=2), {}, SignInNeeded, ExitStatus.SIGN_IN_NEEDED, "over"),
    "Keystone silent": (lambda w: setattr(w.keystone, "down", True), {}, BrokerUnreachable,
                        ExitStatus.UNREACHABLE, "Keystone"),
    "provider silent": (lambda w: setattr(w.tokens, "problem", ProviderUnreachable("x")), {}, BrokerUnreachable,
                        ExitStatus.UNREACHABLE, "identity provider"),
}  # fmt: skip


@pytest.mark.parametrize(("trouble", "form", "kind", "status", "says"), CASES.values(), ids=CASES)
def test_a_refused_exchange_ends_with_its_reason(trouble, form, kind, status, says):
    world = World()
    trouble(world)
    error = exchanged(world, **form)
    assert (type(error), error.exit_status) == (kind, status)
    assert says in error.detail
    assert error.hint


@pytest.mark.parametrize("name", ["policy off", "token of another client", "token over", "provider silent"])
def test_the_list_of_access_is_refused_alike(name: str, told):
    trouble, _, kind, status, says = CASES[name]
    world = World()
    trouble(world)
    with pytest.raises(kind) as refused:
        told(world)
    assert refused.value.exit_status == status
    assert says in refused.value.detail or kind is BrokerUnreachable


def test_without_a_project_the_list_gives_the_reason_of_the_exchange(told):
    world = World()
    access = told(world, "token-bob")
    assert access.projects == ()
    assert exchanged(world, "token-bob").detail.startswith(access.why_none)


def test_a_disabled_user_sees_the_policys_projects_and_why_they_are_shut_out(told):
    world = World()
    world.keystone.people["token-alice"].enabled = False
    access = told(world)
    assert [project.reachable for project in access.projects] == [False, False]
    assert "your user there is disabled" in "\n".join(notes(access))


def test_the_table_says_role_community_and_until_and_what_keystone_lacks(told):
    access = told(World(until=BEGIN.replace(microsecond=0, month=12)))
    assert list(table(access.projects, CLOUD)) == [
        "  Project  Roles   Community         Until",
        "* p3@egi   member  vo.access.egi.eu  2026-12-22 08:00 UTC",
        "  p4@egi   member  vo.access.egi.eu  2026-12-22 08:00 UTC",
    ]
    told_of = "\n".join(notes(access))
    assert "On p4@egi the policy gives member, which Keystone does not hold yet." in told_of
    assert "Keystone keeps this until 2026-11-22 09:00 UTC" in told_of
    assert "p3@egi" not in told_of


@pytest.mark.parametrize("columns", ["40", "80"])
def test_lines_fit_the_terminal_and_steer_it_nowhere(told, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    world = World()
    (community,) = world.policy.communities
    world.policy = replace(world.policy, communities=(replace(community, title="A\x1b[2J" + "b" * 200, name="c" * 90),))
    access = told(world)
    lines = [click.unstyle(line) for line in (*table(access.projects, CLOUD), *access_lines(access))]
    assert max(map(len, lines)) <= int(columns)
    assert "\x1b" not in "".join(lines)
    if columns == "80":
        assert lines[1] == f"* p3@egi   member  {'c' * 44}…  while a member"


@pytest.mark.parametrize(
    "body",
    [{}, {"projects": []}, {"projects": 1, "explanation": None}, [], "x",
     {"projects": [{"project": "p"}], "explanation": None, "differences": [], "keystone": {}, "site": {}}],
    ids=str,
)  # fmt: skip
def test_an_answer_of_another_form_is_no_list_and_no_traceback(body: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Web, "get", lambda *_: Answer(200, {}, json.dumps(body).encode()))
    with pytest.raises(BrokerUnreachable):
        ask_broker(CLOUD, Secret("t"))


def test_a_moment_without_an_offset_is_believed_nowhere(told, monkeypatch: pytest.MonkeyPatch):
    world = World()
    good = client_of(world).get("/api/access", headers={"Authorization": "Bearer token-alice"}).get_json()
    good["projects"][0]["until"] = "2026-11-22T09:00:00"
    monkeypatch.setattr(Web, "get", lambda *_: Answer(200, {}, json.dumps(good).encode()))
    with pytest.raises(BrokerUnreachable):
        ask_broker(CLOUD, Secret("t"))


def test_a_broker_that_knows_no_such_list_leaves_it_to_keystone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Web, "get", lambda *_: Answer(404, {}, b"<html>"))
    assert ask_broker(CLOUD, Secret("t")) is None
