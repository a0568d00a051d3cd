"""One reason for no access, wherever somebody asks: the page, the token endpoint and `p3idp why`."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from exchange_world import ISSUER, OPERATORS, World, some_claims
from flask import Flask
from webkit import Door, get, text_of

from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.sentence import ask, reason, sentence
from p3idp.errors.exchange import NoAccess
from p3idp.web.exchange import exchange_blueprint

MEMBER = str(OPERATORS).replace("vm_operator", "member")
PEOPLE: Mapping[str, Mapping[str, object]] = {
    "bob has nothing": {"entitlements": ()},
    "carol is elsewhere": {"entitlements": ("urn:mace:egi.eu:group:biomed:role=member",)},
    "heidi has another role": {"entitlements": (MEMBER,)},
    "erin's is malformed": {"entitlements": (f"{OPERATORS}".replace(":group", ": group"),)},
    "case": {"entitlements": (str(OPERATORS).replace("vo.access", "VO.Access"),)},
    "a semicolon": {"entitlements": (f"{OPERATORS};x",)},
    "another client": {"entitlements": (str(OPERATORS),), "client": "other-service"},
    "a quoted subject": {"entitlements": (), "subject": '["root"]'},
    "letters outside ASCII": {"entitlements": ("urn:mace:egi.eu:group:vo.access.egi.eu:žofia",)},
    "a bidirectional mark": {"entitlements": (f"{OPERATORS}\u202e",)},
}


def at_the_page(world: World, claims: Mapping[str, object]) -> str:
    door = Door(world.policy)
    browser = door.browser()
    door.clock.now = world.clock.now
    answer = door.provider.agree(door.begin(browser), **{"client": "p3idp-cli", **claims, "issuer": ISSUER})
    get(browser, "/login/egi/callback", **{**answer, "iss": "https://egi.example.org"})
    page = html.unescape(get(browser, "/access").text)
    note = re.search(r'<p class="note">(.*?)</p>', page, re.S)
    assert note is not None, page
    return re.sub(r"\s+", " ", re.sub(r"</?(code|wbr|a)[^>]*>", "", note[1]))


def at_the_endpoint(world: World, claims: Mapping[str, object]) -> str:
    world.tokens.claims["token-someone"] = someone(claims)
    app = Flask(__name__)
    app.register_blueprint(exchange_blueprint(world.exchange, "https://broker.test"))
    form = {"subject_token": "token-someone", "scope": "project:p3@egi"}
    form |= {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
    form |= {"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    reply = app.test_client().post("/oauth/token", data=form)
    assert (reply.status_code, reply.json["code"]) == (400, NoAccess.code)
    return str(reply.json["error_description"])


def someone(claims: Mapping[str, object]) -> VerifiedClaims:
    return replace(some_claims("someone"), **claims)  # type: ignore[arg-type]  # a test may say anything


@pytest.mark.parametrize("claims", PEOPLE.values(), ids=PEOPLE)
def test_page_endpoint_and_why_give_the_same_reason(claims):
    world = World()
    asked = someone(claims)
    found = explain(world.policy, decide(world.policy, asked, world.clock.now), asked.entitlements)
    why, whom = reason(found), ask(found, world.policy.site)
    assert why
    assert f"because {why}; please ask {whom}." in sentence(asked, found, world.policy.site, world.clock.now)
    assert f": {why.replace('`', '')}. Ask {whom}" in at_the_page(world, claims)
    described = at_the_endpoint(world, claims)
    # RFC 6749 section 5.2: printable ASCII without the quotation mark and the backslash.
    said = re.sub(r'[^ -~]|["\\]', "?", why)
    assert f"The policy gives you no project: {said}. Ask {whom}. " in described
    assert not re.search(r'[^ -~]|["\\]', described)


def test_nobody_elses_data_is_in_a_refusal():
    world = World()
    world.arrive("mallory", {}, entitlements=("urn:mace:egi.eu:group:secret-society:role=member",))
    described = at_the_endpoint(world, PEOPLE["heidi has another role"])
    assert "secret-society" not in described
    assert "someone@egi.eu" not in described


def test_the_log_gets_a_word_and_not_the_claims(capsys):
    at_the_endpoint(World(), PEOPLE["heidi has another role"])
    at_the_endpoint(World(), PEOPLE["a semicolon"])
    logged = capsys.readouterr().out
    assert "debug=entitlement" in logged
    assert "debug=ambiguous-value" in logged
    assert "urn:mace" not in logged


def test_a_value_with_a_backtick_does_not_turn_the_page_around():
    door = Door()
    browser = door.browser()
    door.sign_in(browser, entitlements=("urn:mace:egi.eu: group:`<b>vo.access.egi.eu",))
    page = get(browser, "/access")
    assert "<b>" not in page.text
    assert "`<b>vo.access.egi.eu" in html.unescape(text_of(page))
