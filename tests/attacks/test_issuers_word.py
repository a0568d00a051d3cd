"""Introspection, userinfo and the token response count only where they belong to the token and the sign-in."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from battery import Attack
from forgeries import NOT_TEXT
from hostile import MISSING, Answer, HostileProvider
from trusting import Trust, make_trust

from p3idp.core.login.callback import Callback, check_issuer, read_callback

SOMEBODY = (*NOT_TEXT, "", "somebody@egi.eu", "MALLORY@egi.eu", "mallory@egi.eu ", "mallory", MISSING)


@pytest.mark.attack("X14")
def test_a_token_the_issuer_does_not_call_active_is_refused(trusting: Trust, attack: Attack):
    for active in (False, MISSING, None, 0, 1, "true", "false", "True", [], [True], {}):
        trusting.hostile.introspection_changes = {"active": active}
        attack.refused(f"active {active!r}", lambda: trusting.verify(trusting.hostile.access_token()), "inactive")
    trusting.hostile.answers["introspection"] = Answer({"active": False})
    attack.refused("inactive, as RFC 7662 has it", lambda: trusting.verify(trusting.hostile.access_token()), "inactive")
    attack.refused("inactive, at a sign-in", trusting.sign, "inactive")


@pytest.mark.attack("X14")
def test_other_contradictions_of_the_issuer_are_refused(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    cases: dict[str, tuple[dict[str, object], str]] = {
        "iss of another": ({"iss": "https://evil.example.org"}, "issuer-differs"),
        "iss is null": ({"iss": None}, "issuer-differs"),
        "client_id of another": ({"client_id": "other"}, "client-differs"),
        "azp of another": ({"azp": "other"}, "client-differs"),
        "client_id is a list": ({"client_id": ["p3idp"]}, "client-differs"),
        "a refresh token": ({"token_type": "Refresh"}, "answer-typ"),
        "an ID token": ({"typ": "ID"}, "answer-typ"),
        "bound to a key": ({"token_type": "DPoP"}, "bound"),
        "bound to a key, as RFC 8705 and RFC 9449 tell it": ({"cnf": {"jkt": "x"}}, "bound"),
        "for another service alone": ({"aud": "https://other.example.org"}, "audience"),
        "for other services": ({"aud": ["a", "b"]}, "audience"),
        "for nobody": ({"aud": []}, "audience"),
        "aud is null": ({"aud": None}, "audience"),
        "token_type is null": ({"token_type": None}, "answer-typ"),
        "ended a minute ago": ({"exp": int(time.time()) - 60}, "expired"),
        **{f"exp {value!r}": ({"exp": value}, "exp") for value in (None, "x", True, -1, 0, 1e300, [1])},
    }
    for name, (changes, reason) in cases.items():
        hostile.introspection_changes = changes
        attack.refused(name, lambda: trusting.verify(hostile.access_token()), reason)


@pytest.mark.attack("X16")
def test_introspection_about_somebody_else_is_refused(trusting: Trust, attack: Attack):
    for sub in SOMEBODY:
        trusting.hostile.introspection_changes = {"sub": sub}
        attack.refused(f"sub {sub!r}", lambda: trusting.verify(trusting.hostile.access_token()), "sub-differs")
    trusting.hostile.introspection_changes = {"voperson_id": "somebody@egi.eu"}
    attack.refused("another voperson_id", lambda: trusting.verify(trusting.hostile.access_token()), "sub")


@pytest.mark.attack("R46")
def test_userinfo_about_somebody_else_is_refused(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    for sub in SOMEBODY:
        hostile.userinfo_changes = {"sub": sub}
        attack.refused(f"sub {sub!r}", trusting.sign, "sub-differs")
    odd = {
        "an array": Answer([hostile.person]),
        "a text": Answer('"mallory@egi.eu"'),
        "signed with a foreign key": Answer("e30.e30.x", content_type="application/jwt"),
        "HTML": Answer("<html>", content_type="text/html"),
        "empty": Answer(b""),
    }
    for name, answer in odd.items():
        hostile.answers["userinfo"] = answer
        attack.refused(name, trusting.sign, "provider-unreachable")
    hostile.answers["userinfo"] = Answer({"error": "invalid_token"}, 401)
    attack.refused("userinfo refuses the token", trusting.sign, "inactive")


@pytest.mark.attack("R46")
def test_where_there_is_no_introspection_userinfo_is_held_to_the_same(hostile: HostileProvider, attack: Attack):
    hostile.discovery = {"introspection_endpoint": MISSING}
    claims = attack.accepted("userinfo", lambda: make_trust(hostile).verify(hostile.access_token()))
    assert len(claims.entitlements) == 1
    for sub in SOMEBODY:
        hostile.userinfo_changes = {"sub": sub}
        attack.refused(f"sub {sub!r}", lambda: make_trust(hostile).verify(hostile.access_token()), "sub-differs")
    hostile.answers["userinfo"] = Answer({}, 401)
    attack.refused("refused", lambda: make_trust(hostile).verify(hostile.access_token()), "inactive")


DOWN = {
    "silent": Answer({}, delay=3.0),
    "error": Answer({}, 500),
    "too busy": Answer({}, 429),
    "HTML": Answer("<html>", content_type="text/html"),
    "cut off": Answer('{"active": tr'),
    "true": Answer("true"),
    "forbidden method": Answer({}, 405),
}


@pytest.mark.attack("X15")
@pytest.mark.parametrize("name", DOWN)
def test_no_answer_is_no_access_and_is_not_remembered(name: str, hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, total=0.7)
    token = hostile.access_token()
    hostile.answers["introspection"] = DOWN[name]
    attack.refused(name, lambda: trusting.verify(token), "provider-unreachable")
    del hostile.answers["introspection"]
    attack.accepted(f"{name}: and then it answers", lambda: trusting.verify(token))


@pytest.mark.attack("X15")
def test_our_own_client_refused_is_named_as_such(trusting: Trust, attack: Attack):
    trusting.hostile.answers["introspection"] = Answer({"error": "invalid_client"}, 401)
    attack.refused("401", lambda: trusting.verify(trusting.hostile.access_token()), "provider-refused-client")
    trusting.hostile.answers["introspection"] = Answer(status=302, headers=(("Location", "https://evil.example.org"),))
    attack.refused("redirect", lambda: trusting.verify(trusting.hostile.access_token()), "provider-untrusted")


@pytest.mark.attack("X14")
def test_an_answer_is_remembered_for_the_seconds_agreed_and_no_longer(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, cache=30.0)
    token, other = hostile.access_token(), hostile.access_token(jti="another")
    trusting.verify(token)
    trusting.verify(token)
    assert hostile.counts["introspection"] == 1
    trusting.verify(other)
    assert hostile.counts["introspection"] == 2, "remembered by token, not by person"
    hostile.answers["introspection"] = Answer({"active": False})
    trusting.clock.forward(29)
    trusting.verify(token)
    trusting.clock.forward(2)
    attack.refused("revoked half a minute ago", lambda: trusting.verify(token), "inactive")
    attack.refused("and still", lambda: trusting.verify(token), "inactive")
    assert hostile.counts["introspection"] == 4, "a refusal is never remembered"


@pytest.mark.attack("X14")
def test_without_a_cache_every_use_is_asked(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, cache=0.0)
    token = hostile.access_token()
    trusting.verify(token)
    hostile.introspection_changes = {"active": False}
    attack.refused("revoked just now", lambda: trusting.verify(token), "inactive")


@pytest.mark.attack("X13")
def test_a_remembered_answer_never_outlives_the_token(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, cache=60.0)
    now = datetime.now(UTC)
    end = int(now.timestamp()) + 5
    token, other = hostile.access_token(exp=end), hostile.access_token(jti="ends sooner at the issuer")
    trusting.verify(token, now)
    hostile.introspection_changes = {"exp": end}
    assert trusting.verify(other, now).expires_at == datetime.fromtimestamp(end, UTC)
    later = now + timedelta(seconds=20)
    attack.refused("the token's own end", lambda: trusting.verify(token, later), "expired")
    attack.refused("the issuer's end", lambda: trusting.verify(other, later), "expired")
    assert hostile.counts["introspection"] == 2


@pytest.mark.attack("R42")
def test_no_id_token_no_sign_in(trusting: Trust, attack: Attack):
    for value in (MISSING, None, 1, True, [], {}, ["x"]):
        trusting.hostile.token_changes = {"id_token": value}
        attack.refused(f"id_token {value!r}", trusting.sign, "id-token-missing")
    trusting.hostile.token_changes = {"id_token": ""}
    attack.refused("id_token empty", trusting.sign, "not-compact")
    for name in ("access_token", "token_type"):
        for value in (MISSING, None, 1, True, [], {}):
            trusting.hostile.token_changes = {name: value}
            attack.refused(f"{name} {value!r}", trusting.sign, "token-response")
    for kind in ("", "mac", "DPoP", "N_A", "bearer "):
        trusting.hostile.token_changes = {"token_type": kind}
        attack.refused(f"token_type {kind!r}", trusting.sign, "token-response")
    trusting.hostile.token_changes = {"access_token": "opaque"}
    attack.refused("the access token is not the one hashed", trusting.sign, "at-hash")
    trusting.hostile.token_changes = {}
    trusting.hostile.access_token_changes = {"sub": "somebody@egi.eu"}
    attack.refused("the two tokens name two people", trusting.sign, "sub-differs")
    trusting.hostile.access_token_changes = {"azp": "other", "client_id": "other"}
    attack.refused("the access token is another client's", trusting.sign, "client")
    assert trusting.hostile.counts["introspection"] == 0


@pytest.mark.attack("R42")
def test_a_token_endpoint_that_fails_signs_nobody_in(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, total=0.7)
    cases = {
        "code used or foreign": (Answer({"error": "invalid_grant"}, 400), "code-refused"),
        "client refused": (Answer({"error": "invalid_client"}, 401), "provider-refused-client"),
        "client refused with 400": (Answer({"error": "invalid_client"}, 400), "provider-refused-client"),
        "error": (Answer({}, 500), "provider-unreachable"),
        "odd status": (Answer({"id_token": "x", "access_token": "x"}, 201), "provider-unreachable"),
        "HTML": (Answer("<html>", content_type="text/html"), "provider-unreachable"),
        "silent": (Answer({}, delay=3.0), "provider-unreachable"),
        "redirect": (Answer(status=307, headers=(("Location", "https://evil.example.org"),)), "provider-untrusted"),
    }  # fmt: skip
    for name, (answer, reason) in cases.items():
        hostile.answers["token"] = answer
        attack.refused(name, trusting.sign, reason)
    assert hostile.counts["token"] == len(cases), "a code is never sent twice"


@pytest.mark.attack("R51", "R52", "R50")
def test_the_issuer_named_in_a_callback_is_the_one_that_was_asked(attack: Attack):
    ours = "https://localhost/auth/realms/egi"

    def answered(*given: str, always: bool) -> Callback:
        callback = read_callback([("state", "s"), ("code", "c"), *(("iss", issuer) for issuer in given)])
        check_issuer(callback, ours, always_named=always)
        return callback

    for always in (True, False):
        for other in ("https://evil.example.org", f"{ours}/", ours.upper(), ""):
            attack.refused(f"{other!r}, always {always}", partial(answered, other, always=always), "issuer", "R51")
        for second in (ours, "https://evil.example.org"):
            twice = partial(answered, ours, second, always=always)
            attack.refused(f"ours and {second!r}, always {always}", twice, "repeated-parameter", "R50")
    attack.refused("absent though advertised", partial(answered, always=True), "issuer-missing", "R52")
    attack.accepted("absent where never advertised", partial(answered, always=False))
    attack.accepted("named rightly", partial(answered, ours, always=True))


@pytest.mark.attack("X13")
def test_claims_of_the_wrong_kind_or_size_are_refused(trusting: Trust, attack: Attack):
    urn = "urn:mace:egi.eu:group:vo.access.egi.eu"
    cases: dict[str, tuple[object, str]] = {
        **{f"{value!r}": (value, "claim-type") for value in (None, 1, True, {}, {"a": 1}, [1], [urn, None], [[urn]])},
        "1,001 values": ([f"{urn}{n}" for n in range(1001)], "too-many-values"),
        "10,000 values": (["u"] * 10_000, "too-many-values"),
        "a value of 3 kB": ([urn, "u" * 3_000], "value-too-long"),
    }
    for claim in ("entitlements", "eduperson_entitlement", "eduperson_assurance"):
        for name, (value, reason) in cases.items():
            trusting.hostile.introspection_changes = {claim: value}
            token = trusting.hostile.access_token(jti=f"{claim}: {name}"[:40])
            attack.refused(f"{claim}: {name}", lambda t=token: trusting.verify(t), reason)
    trusting.hostile.introspection_changes = {"entitlements": ["u" * 1_000_000]}
    attack.refused("1 MB", lambda: trusting.verify(trusting.hostile.access_token()), "provider-unreachable")


@pytest.mark.accept_control
def test_what_providers_really_send_passes(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    urn = "urn:mace:egi.eu:group:vo.access.egi.eu:role=member#aai.egi.eu"
    changes: dict[str, dict[str, object]] = {
        "one entitlement as text": {"entitlements": urn, "eduperson_entitlement": MISSING},
        "no entitlements": {"entitlements": MISSING, "eduperson_entitlement": MISSING},
        "empty lists": {"entitlements": [], "eduperson_entitlement": []},
        "sixty": {"entitlements": [f"{urn}{n}" for n in range(60)]},
        "Keycloak repeats typ, azp and client_id": {"typ": "Bearer", "azp": "p3idp", "client_id": "p3idp"},
        "a misprint in a URN": {"entitlements": ["urn:mace:egi.eu: group:vo"]},
        "an odd display name": {"name": "Bob;cloud-admin ['x']"},
    }
    for name, told in changes.items():
        hostile.introspection_changes = told
        attack.accepted(name, lambda n=name: trusting.verify(hostile.access_token(jti=n)))
    hostile.reset()
    attack.accepted("only azp", lambda: trusting.verify(hostile.access_token(client_id=MISSING)))
    attack.accepted("only client_id", lambda: trusting.verify(hostile.access_token(azp=MISSING)))
    hostile.id_token_changes = {"aud": ["p3idp", "other"]}
    attack.accepted("ID token with several aud, azp ours", trusting.sign)
    hostile.id_token_changes = {"azp": MISSING, "typ": MISSING, "at_hash": MISSING, "auth_time": MISSING}
    hostile.id_token_header = {"typ": MISSING}
    attack.accepted("a sparse ID token", trusting.sign)
    hostile.access_token_changes = {"aud": "account"}
    attack.accepted("our own access token that also names another service", trusting.sign)
    listed = make_trust(hostile, issuing_clients=(), audiences=("keystone",))
    attack.accepted(
        "an audience the policy names",
        lambda: listed.verify(hostile.access_token(aud=["keystone"], azp="x", client_id="x")),
    )


@pytest.mark.attack("X06")
def test_entitlements_come_from_the_issuers_fresh_word_only(trusting: Trust, attack: Attack):
    trusting.hostile.introspection_changes = {"entitlements": MISSING, "eduperson_entitlement": MISSING}
    claims = trusting.verify(trusting.hostile.access_token(entitlements=["urn:mace:egi.eu:group:taken.away"]))
    attack.saw("an entitlement in the token itself", claims.entitlements == (), f"{claims.entitlements}")
    assert claims.entitlements == ()
