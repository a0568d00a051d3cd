"""Attacks on the token endpoint: its form (X01-X04), its targets and types (X19-X21), lifetime (X22-X24), projects
that are not the caller's (X25-X27), odd characters (X35), what errors give away (X36). Over HTTP, on systems
with a memory."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from battery import Attack
from exchange_world import BEGIN, KEYSTONE, P3, P4, World, a_form, a_provider
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from p3idp.core.exchange.request import GRANT_TYPE, JWT
from p3idp.core.policy.model import ProjectRef
from p3idp.errors.keystone import FederatedLoginRefused
from p3idp.errors.login import ProviderUnreachable
from p3idp.web.exchange import PATH, exchange_blueprint

FORM = "application/x-www-form-urlencoded"
CANARY = "c4n4ry"
TYPES = "urn:ietf:params:oauth:token-type:"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return client_of(world)


def client_of(world: World) -> FlaskClient:
    app = Flask("test")
    app.register_blueprint(exchange_blueprint(world.exchange, "https://broker.test"))
    return app.test_client()


def post(client: FlaskClient, form: list[tuple[str, str]] | None = None, **kwargs) -> TestResponse:
    kwargs.setdefault("content_type", FORM)
    return client.post(PATH, data=urlencode(a_form() if form is None else form), **kwargs)


def expect(attack: Attack, row: str, variant: str, reply: TestResponse, status: int, error: str) -> None:
    """Refused, in this way, and with no token in it."""
    body = reply.get_json(silent=True) or {}
    got = (reply.status_code, body.get("error"))
    held = got == (status, error) and "access_token" not in body and "keystone-token" not in reply.text
    attack.saw(variant, held, f"{got[0]} {got[1]}", row)
    assert held, (variant, got, reply.text)


@pytest.mark.attack("X01", "X02", "X03", "X04")
def test_what_is_no_exchange_request_is_refused(client: FlaskClient, world: World, attack: Attack):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        reply = client.open(PATH, method=method, query_string=urlencode(a_form()))
        expect(attack, "X01", f"{method} with good parameters", reply, 405, "invalid_request")
    for kind in ("application/json", "multipart/form-data; boundary=b", "text/plain", "application/xml", ""):
        expect(attack, "X02", f"content type {kind!r}", post(client, content_type=kind), 400, "invalid_request")
    for name in ("grant_type", "subject_token", "subject_token_type"):
        without = a_form(**{name: None})
        expect(attack, "X03", f"{name} missing", post(client, without), 400, "invalid_request")
        expect(attack, "X03", f"{name} empty", post(client, [*without, (name, "")]), 400, "invalid_request")
    for name, value in a_form():
        for other in (value, "other", ""):
            doubled = post(client, [*a_form(), (name, other)])
            expect(attack, "X03", f"{name} doubled with {other[-12:]!r}", doubled, 400, "invalid_request")
    in_address = post(client, a_form(subject_token=None), query_string=urlencode({"subject_token": "token-alice"}))
    expect(attack, "X03", "subject_token in the address", in_address, 400, "invalid_request")
    for grant in ("password", "client_credentials", "authorization_code", "refresh_token", GRANT_TYPE.upper()):
        reply = post(client, a_form(grant_type=grant))
        expect(attack, "X04", f"grant type {grant[-20:]}", reply, 400, "unsupported_grant_type")
    assert (world.tokens.asked, world.keystone.calls) == ([], []), "nobody was asked"


@pytest.mark.attack("X19", "X20", "X21")
def test_foreign_targets_other_types_and_wider_scopes_are_refused(client: FlaskClient, world: World, attack: Attack):
    evil = ["https://evil.test/v3/projects/1", f"{KEYSTONE}.evil.test/projects/1", f"{KEYSTONE}@evil.test/projects/1",
            f"{KEYSTONE}/domains/1", f"{KEYSTONE}/projects/1/../../x", "urn:x", "/projects/1"]  # fmt: skip
    for resource in evil:
        reply = post(client, a_form(resource=resource, scope=None))
        expect(attack, "X19", f"resource {resource}", reply, 400, "invalid_target")
    for audience in ("https://evil.test/v3", "other-service", f"{KEYSTONE}/x"):
        expect(attack, "X19", f"audience {audience}", post(client, a_form(audience=audience)), 400, "invalid_target")
    two = [*a_form(), ("audience", KEYSTONE), ("audience", "https://evil.test")]
    expect(attack, "X19", "two audiences", post(client, two), 400, "invalid_target")
    for kind in ("access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"):
        reply = post(client, a_form(requested_token_type=TYPES + kind))
        expect(attack, "X20", f"requested type {kind}", reply, 400, "invalid_request")
    for kind in ("refresh_token", "id_token", "saml2"):
        reply = post(client, a_form(subject_token_type=TYPES + kind))
        expect(attack, "X20", f"subject type {kind}", reply, 400, "invalid_request")
    for changes in ({"actor_token": "token-bob"}, {"actor_token": "token-bob", "actor_token_type": JWT}):
        expect(attack, "X20", f"with {len(changes)} actor", post(client, a_form(**changes)), 400, "invalid_request")
    wider = ["project:p3@egi project:p4@egi", "project:p3@egi role:admin", "openid project:p3@egi", "system:all",
             "domain:egi", "project:*@egi", "*", "project:p3@egi offline_access", "project:p3@egi\nadmin"]  # fmt: skip
    for scope in wider:
        expect(attack, "X21", f"scope {scope!r}", post(client, a_form(scope=scope)), 400, "invalid_scope")
    assert world.keystone.calls == []


@pytest.mark.attack("X22", "X23", "X24")
def test_no_way_of_asking_makes_a_longer_life(attack: Attack):
    world = World()
    client = client_of(world)
    end = (BEGIN + timedelta(minutes=30)).replace(microsecond=0)
    stated = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    for more in ("expires_in", "lifetime", "exp", "expires_at", "requested_lifetime"):
        reply = post(client, [*a_form(), (more, "31536000")])
        attack.saw(f"asks {more}", reply.json["expires_at"] == stated, reply.json["expires_at"], "X22")
        assert reply.json["expires_at"] == stated
    for turn in range(5):
        world.clock.forward(minutes=4)
        reply = post(client)
        held = reply.json["expires_at"] == stated and reply.json["expires_in"] <= (end - world.clock()).total_seconds()
        attack.saw(f"exchange number {turn + 2}", held, reply.json["expires_at"], "X23")
        assert held
    # The exchanged token itself is no subject token, so no chain of exchanges can move the end either.
    chained = post(client, a_form(reply.json["access_token"]))
    expect(attack, "X23", "an exchanged token exchanged again", chained, 400, "invalid_request")
    for minutes in (-600, -10, 10, 29):
        moved = World()
        scope_to = moved.keystone.scope_to

        def jump(*args, world=moved, by=minutes, call=scope_to):
            scoped = call(*args)
            world.clock.forward(minutes=by)
            return scoped

        moved.keystone.scope_to = jump  # type: ignore[method-assign]
        reply = post(client_of(moved))
        # Set back by hours, Keystone's own token is over already: then nothing is handed out.
        given = reply.json.get("expires_at", "")
        held = given <= stated and reply.json.get("expires_in", 0) <= 30 * 60 and bool(given) == (minutes != -600)
        attack.saw(f"the clock moves {minutes} minutes in between", held, given or reply.json["code"], "X24")
        assert held


@pytest.mark.attack("X22")
def test_a_keystone_that_cannot_end_a_token_gives_none(attack: Attack):
    world = World(a_provider(authorization_ttl=timedelta(0)))
    reply = post(client_of(world))
    expect(attack, "X22", "authorization_ttl 0, an hour's token", reply, 503, "temporarily_unavailable")


@pytest.mark.attack("X25", "X26", "X27")
def test_projects_out_of_reach_cannot_be_told_apart(attack: Attack):
    world = World()
    secret = ProjectRef("egi", "secret")
    world.arrive("alice", {P3: ("member",), P4: ("member",), secret: ("member",)})
    world.keystone.disabled.add(P4)
    client = client_of(world)
    answers = set()
    for row, variant, changes in [
        ("X25", "no role, by name", {"scope": "project:secret@egi"}),
        ("X25", "does not exist, by name", {"scope": "project:nowhere@egi"}),
        ("X25", "does not exist, by id", {"scope": None, "resource": f"{KEYSTONE}/projects/{'0' * 32}"}),
        ("X26", "other domain", {"scope": "project:p3@Default"}),
        ("X26", "domain does not exist", {"scope": "project:p3@nowhere"}),
        ("X27", "disabled, by name", {"scope": "project:p4@egi"}),
        ("X27", "disabled, by id", {"scope": None, "resource": f"{KEYSTONE}/projects/id-of-p4-in-egi"}),
    ]:
        world.keystone.calls.clear()
        reply = post(client, a_form(**changes))
        expect(attack, row, variant, reply, 400, "invalid_target")
        answers.add((reply.get_data(), tuple(world.keystone.calls), tuple(sorted(reply.headers.keys()))))
    assert len(answers) == 1, "same text, same calls made"


def _raise(error: Exception) -> Callable[..., object]:
    def act(*_: object) -> object:
        raise error

    return act


@pytest.mark.attack("X36")
def test_no_error_tells_of_tokens_stacks_or_keystone(attack: Attack):
    inside = f"{CANARY} Traceback /srv/keystone/policy.py"
    troubles: dict[str, Callable[[World], object]] = {
        "Keystone refuses": lambda w: setattr(w.keystone, "login", _raise(FederatedLoginRefused("no", debug=inside))),
        "Keystone refuses the list": lambda w: setattr(
            w.keystone, "projects", _raise(FederatedLoginRefused("no", debug=inside))
        ),
        "Keystone refuses the end": lambda w: setattr(
            w.keystone, "scope_until", _raise(FederatedLoginRefused(inside, debug=inside))
        ),
        "a defect": lambda w: setattr(w.keystone, "login", _raise(RuntimeError(inside))),
        "the provider is away": lambda w: setattr(w.tokens, "problem", ProviderUnreachable(inside, debug=inside)),
        "a defect in the verifier": lambda w: setattr(w.tokens, "problem", KeyError(inside)),
        "the ledger is full": lambda w: setattr(w.ledger, "full", True),
        "a bad token": lambda w: w.tokens.claims.clear(),
        "no such project": lambda w: w.keystone.people["token-alice"].__setattr__("projects", {}),
    }
    for variant, trouble in troubles.items():
        world = World()
        trouble(world)
        reply = post(client_of(world))
        leaks = re.findall(rf"{CANARY}|Traceback|token-alice|keystone-token|\.py|/srv", reply.text)
        told = set(reply.json) == {"error", "error_description", "code", "request_id"}
        held = reply.status_code >= 400 and not leaks and told
        attack.saw(variant, held, f"{reply.status_code} {reply.json.get('code')}", "X36")
        assert held, (variant, leaks, reply.text)
    echo = f"{CANARY}<script>"
    for name in ("subject_token", "scope", "resource", "grant_type", "audience", "subject_token_type"):
        reply = post(client_of(World()), a_form(**{name: echo}))
        held = reply.status_code >= 400 and CANARY not in reply.text
        attack.saw(f"{name} is not echoed", held, str(reply.status_code), "X36")
        assert held, (name, reply.text)


@pytest.mark.attack("X07")
def test_a_client_cannot_give_itself_out_as_another(client: FlaskClient, world: World, attack: Attack) -> None:
    for other in ("other", "P3IDP-CLI", "p3idp-cli ", "p3idp"):
        reply = post(client, a_form(client_id=other))
        expect(attack, "X07", f"client_id {other!r}", reply, 400, "invalid_client")
    doubled = post(client, [*a_form(client_id="p3idp-cli"), ("client_id", "other")])
    expect(attack, "X07", "two of them", doubled, 400, "invalid_request")
    world.arrive("nobodys", {P3: ("member",)}, client="")
    expect(
        attack,
        "X07",
        "a token of no client",
        post(client, a_form("token-nobodys", client_id="x")),
        400,
        "invalid_client",
    )
    assert world.keystone.calls == []
    assert {event.reason for event in world.ledger.events} == {"exchange-other-client"}, "the person is known by then"


ODD = {
    "a newline": f"project:p3@egi\n{CANARY}",
    "a header": f"project:p3@egi\r\nX-Roles: {CANARY}",
    "a null": f"project:p3@egi\0{CANARY}",
    "colours of a terminal": f"\x1b[31m{CANARY}",
    "a letter beyond ASCII": f"project:{CANARY}é@egi",
    "marks that turn text round": f"project:\u202e{CANARY}@egi",
    "60 kB": CANARY * 10_000,
}


@pytest.mark.attack("X35")
@pytest.mark.parametrize("name", ["scope", "audience", "resource", "requested_token_type", "subject_token_type"])
def test_odd_characters_and_sizes_are_refused_and_stay_out_of_the_log(
    name: str, client: FlaskClient, world: World, attack: Attack, capfd: pytest.CaptureFixture[str]
) -> None:
    bodies = {variant: urlencode(a_form(**{name: odd})).encode() for variant, odd in ODD.items()}
    rest = urlencode(a_form(**{name: None})).encode() + b"&" + name.encode() + b"="
    bodies |= {
        "8-bit, not encoded": rest + b"project:\xe9" + CANARY.encode(),
        "no UTF-8": rest + b"%ff%fe" + CANARY.encode(),
        "a UTF-16 half": rest + b"%ed%a0%80" + CANARY.encode(),
        "1 MB": rest + CANARY.encode() * 170_000,
    }
    for variant, body in bodies.items():
        reply = client.post(PATH, data=body, content_type=FORM)
        said = "".join(capfd.readouterr())
        held = reply.status_code == 400 and CANARY not in reply.text + said and "\x1b[31m" not in said
        attack.saw(f"{variant} in {name}", held, f"{reply.status_code} {reply.get_json()['error']}")
        assert held, (variant, reply.text, said)
    assert (world.tokens.asked, world.keystone.calls) == ([], []), "nobody was asked"


@pytest.mark.accept_control
def test_good_requests_pass(attack: Attack):
    client = client_of(World())
    for variant, changes in {
        "by name": {},
        "by id": {"scope": None, "resource": f"{KEYSTONE}/projects/id-of-p3-in-egi"},
        "by both": {"resource": f"{KEYSTONE}/projects/id-of-p3-in-egi"},
        "naming its client": {"client_id": "p3idp-cli"},
        "as jwt, with audience": {"subject_token_type": JWT, "audience": KEYSTONE},
    }.items():
        reply = post(client, a_form(**changes))
        attack.saw(variant, reply.status_code == 200, str(reply.status_code), "accept")
        assert reply.status_code == 200
